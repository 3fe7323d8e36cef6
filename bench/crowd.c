/* Run a command many times, some at once, and say what the runs took together.
 *
 *     crowd TIMES AT_ONCE EXIT-CODE STDIN-FILE PROGRAM [ARGUMENT...]
 *
 * prints wall time (ns), CPU time (us, user and system), the largest peak of memory of one run (KiB), the sum of all
 * peaks (KiB), and how many runs ended otherwise than with that code. It is in C because a child's peak begins with that
 * of the process that spawned it (exec keeps ru_maxrss), and Python's would hide most others. */

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static long long now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long us(struct timeval spent)
{
	return spent.tv_sec * 1000000LL + spent.tv_usec;
}

int main(int argc, char **argv)
{
	if (argc < 6)
		return 2;
	long times = atol(argv[1]), at_once = atol(argv[2]), code = atol(argv[3]);
	long started = 0, running = 0, failed = 0, largest = 0, sum = 0;
	long long cpu_us = 0, began = now_ns();
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, argv[4], O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	while (started < times || running) {
		if (started < times && running < at_once) {
			pid_t pid;
			if (posix_spawn(&pid, argv[5], &actions, NULL, argv + 5, environ))
				return 1;
			started++, running++;
			continue;
		}
		int status;
		struct rusage used;
		if (wait4(-1, &status, 0, &used) < 0)
			return 1;
		running--;
		cpu_us += us(used.ru_utime) + us(used.ru_stime);
		sum += used.ru_maxrss;
		if (used.ru_maxrss > largest)
			largest = used.ru_maxrss;
		failed += !WIFEXITED(status) || WEXITSTATUS(status) != code;
	}
	printf("%lld %lld %ld %ld %ld\n", now_ns() - began, cpu_us, largest, sum, failed);
	return 0;
}
