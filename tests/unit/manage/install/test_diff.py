"""What a dry run prints."""

from keywright.manage.install.diff import compare


def test_only_what_changes_is_printed() -> None:
    assert compare("/f", ["a", "b", "c"], ["a", "x", "c"]) == ["--- /f", "+++ /f", "@@ -2 +2 @@", "-b", "+x"]


def test_a_file_that_comes_or_goes_is_dev_null() -> None:
    assert compare("/f", None, ["a"])[:2] == ["--- /dev/null", "+++ /f"]
    assert compare("/f", ["a"], None)[:2] == ["--- /f", "+++ /dev/null"]


def test_nothing_a_terminal_would_obey_is_printed() -> None:
    assert compare("/f", None, ["\ta\x1b[2Jb"])[3:] == ["+\ta\\x1b[2Jb"]


def test_a_change_of_form_alone_is_said() -> None:
    assert compare("/f", ["a"], ["a"]) == ["/f: nothing changes but its formatting"]
