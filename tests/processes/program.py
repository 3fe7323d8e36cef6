"""A program that runs for days, in seconds: asks for its credential from threads and tasks, and prints what it got.

python program.py PROFILE THREADS TASKS ASKED-EACH  ->  one line of JSON: {"tokens": {"ghs_…": 40}, "expired": 0}
"""

import asyncio
import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import keywright


def main(profile: str, threads: int, tasks: int, times: int) -> None:
    """Ask, and print the count of each token, and of those that had expired."""
    provider = keywright.CachedCredentialProvider(profile)
    found: Counter[str] = Counter()
    expired = 0

    def note(credential: keywright.Credential) -> None:
        nonlocal expired
        found[credential.secret.reveal()] += 1
        expired += credential.expires_at is None or credential.expires_at <= datetime.now(UTC)

    def ask() -> None:
        for _ in range(times):
            note(provider.current())

    async def ask_in_tasks() -> None:
        async def ask_in_task() -> None:
            for _ in range(times):
                note(await keywright.to_async(provider).current())
                await asyncio.sleep(0)

        await asyncio.gather(*(ask_in_task() for _ in range(tasks)))

    with ThreadPoolExecutor(threads + 1) as pool:
        asking = [pool.submit(ask) for _ in range(threads)]
        asking.append(pool.submit(asyncio.run, ask_in_tasks()))
        for one in asking:
            one.result()
    sys.stdout.write(json.dumps({"tokens": found, "expired": expired}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], *(int(number) for number in sys.argv[2:]))
