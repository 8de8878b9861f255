"""Nothing outlives the one who wanted it: neither an orderly end, nor kill -9 of the owner or of the supervisor."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.errors import DevclusterError
from devcluster.supervised import Program, Supervised
from support.controlplane import eventually, wait_for_end

OWNER = """
import sys, time
from pathlib import Path
from devcluster.supervised import Program, Supervised

folder = Path(sys.argv[1])
supervised = Supervised(remove=folder)
pid = supervised.start(Program("sleeper", ["sleep", "600"], folder / "log"))
print(supervised.pid, pid, flush=True)
{then}
"""


def sleeper(folder: Path, name: str = "sleeper") -> Program:
    return Program(name, ["sleep", "600"], folder / "log")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


@pytest.fixture
def supervised(folder: Path) -> Iterator[Supervised]:
    with Supervised(remove=folder) as made:
        yield made


def owner(folder: Path, then: str) -> tuple[subprocess.Popen[str], list[int]]:
    process = subprocess.Popen(  # noqa: S603 - a program of this test
        [sys.executable, "-c", OWNER.format(then=then), str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, [int(number) for number in process.stdout.readline().split()]


def test_closing_ends_every_program_and_removes_the_folder(supervised: Supervised, folder: Path) -> None:
    pids = [supervised.start(sleeper(folder, name)) for name in ("one", "two")]
    supervised.close()
    wait_for_end([supervised.pid, *pids])
    assert not folder.exists()


def test_control_groups_are_removed_from_the_innermost_outwards(tmp_path: Path) -> None:
    group = tmp_path / "kite-node"
    (group / "kubepods" / "pod-one").mkdir(parents=True)
    Supervised(remove_cgroups=[group, tmp_path / "never-made"]).close()
    assert not group.exists()


def test_a_closed_one_can_be_closed_again_but_not_used(supervised: Supervised, folder: Path) -> None:
    supervised.close()
    supervised.close()
    with pytest.raises(DevclusterError, match="stopped already"):
        supervised.start(sleeper(folder))


def test_kill_9_of_the_owner_ends_everything(folder: Path) -> None:
    process, pids = owner(folder, "time.sleep(600)")
    with process:
        process.kill()
    wait_for_end(pids)
    assert not folder.exists()


def test_kill_9_of_the_owner_ends_everything_although_a_fork_of_it_holds_the_pipe(folder: Path) -> None:
    fork = "import os\nif os.fork() == 0:\n    os.close(1)\ntime.sleep(600)"
    process, pids = owner(folder, fork)
    with process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        eventually(lambda: len(children.read_text().split()) == 2, "the fork")
        forks = [int(pid) for pid in children.read_text().split() if int(pid) != pids[0]]
        process.kill()
    try:
        wait_for_end(pids)
    finally:
        for pid in forks:
            os.kill(pid, signal.SIGKILL)


def test_the_end_of_the_thread_that_started_it_ends_nothing(folder: Path) -> None:
    threaded = (
        "import threading\n"
        "from devcluster.supervised import Program\n"
        "late = []\n"
        "def start():\n"
        "    late.append(Supervised())\n"
        "    late.append(late[0].start(Program('late', ['sleep', '600'], folder / 'late')))\n"
        "thread = threading.Thread(target=start)\n"
        "thread.start()\n"
        "thread.join()\n"
        "print(late[0].poll().running == {'late': late[1]}, flush=True)\n"
    )
    process, pids = owner(folder, threaded)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
    wait_for_end(pids)


def test_kill_9_of_the_supervisor_ends_its_programs(supervised: Supervised, folder: Path) -> None:
    pid = supervised.start(sleeper(folder))
    os.kill(supervised.pid, signal.SIGKILL)
    wait_for_end([pid])
    with pytest.raises(DevclusterError, match="has ended"):
        supervised.poll()


def test_detached_programs_outlive_the_owner_and_end_with_the_supervisor(folder: Path) -> None:
    process, pids = owner(folder, "supervised.detach()")
    with process:
        pass
    supervisor, program = pids
    assert process.returncode == 0
    assert Path(f"/proc/{program}").exists()
    os.kill(supervisor, signal.SIGTERM)
    wait_for_end(pids)
    assert not folder.exists()


def test_a_ctrl_c_does_not_reach_the_programs(supervised: Supervised, folder: Path) -> None:
    pid = supervised.start(sleeper(folder))
    os.kill(supervised.pid, signal.SIGINT)
    assert {"sleeper": pid} == supervised.poll().running
    assert os.getpgid(pid) != os.getpgid(0)


def test_a_killed_program_is_reported_and_can_be_started_again(supervised: Supervised, folder: Path) -> None:
    supervised.start(sleeper(folder))
    assert supervised.stop("sleeper", sig=signal.SIGKILL) == -9
    assert supervised.poll().exited == {"sleeper": -9}
    pid = supervised.start(sleeper(folder))
    assert {"sleeper": pid} == supervised.poll().running


def test_a_running_program_is_not_started_twice(supervised: Supervised, folder: Path) -> None:
    supervised.start(sleeper(folder))
    with pytest.raises(DevclusterError, match="sleeper is running already"):
        supervised.start(sleeper(folder))


def test_a_program_that_does_not_exist_is_an_error(supervised: Supervised, folder: Path) -> None:
    with pytest.raises(DevclusterError, match="FileNotFoundError"):
        supervised.start(Program("absent", [str(folder / "absent")], folder / "log"))


def test_a_program_that_ignores_sigterm_is_killed(supervised: Supervised, folder: Path) -> None:
    log = folder / "log"
    supervised.start(Program("stubborn", ["sh", "-c", "trap '' TERM; echo up; sleep 600 & wait; sleep 600"], log))
    eventually(lambda: log.read_text() == "up\n", "the trap is set")
    assert supervised.stop("stubborn", grace=0.1) == -9


def test_what_a_program_writes_is_in_its_log(supervised: Supervised, folder: Path) -> None:
    supervised.start(Program("talker", ["sh", "-c", "echo $WORD"], folder / "log", {"WORD": "hello"}, folder))
    eventually(lambda: (folder / "log").read_text() == "hello\n", "the word")
