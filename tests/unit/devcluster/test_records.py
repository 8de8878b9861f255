"""What `up` remembers for `down` and `status`."""

from pathlib import Path

import pytest

from devcluster.cli import main
from devcluster.errors import UsageError
from devcluster.ownership import Process
from devcluster.record import Record, Slot

GONE = Process(pid=2**22 - 1, started=1, boot="an earlier boot")
RECORD = Record("https://127.0.0.1:20001", "/x/admin.kubeconfig", "/y/kubectl", GONE, {"etcd": GONE})


@pytest.fixture
def slot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slot:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("KITE_DEVCLUSTER_KUBECONFIG", raising=False)
    return Slot(tmp_path / "kite-operator", "default")


def remember(slot: Slot) -> None:
    slot.folder.mkdir(parents=True)
    slot.write(RECORD)


def test_a_record_is_read_as_it_was_written(slot: Slot) -> None:
    remember(slot)
    assert slot.read() == RECORD


def test_an_empty_slot_has_no_record(slot: Slot) -> None:
    assert slot.read() is None


def test_clearing_after_a_reboot_removes_the_folder_and_signals_nobody(slot: Slot) -> None:
    remember(slot)
    assert not slot.clear()
    assert not slot.folder.exists()


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b", "-a", "a" * 43])
def test_a_name_that_could_be_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is not a name"):
        Slot(tmp_path, name)


def test_status_of_what_has_ended_says_so(slot: Slot, capsys: pytest.CaptureFixture[str]) -> None:
    remember(slot)
    assert main(["status"]) == 3
    assert "etcd: ended" in capsys.readouterr().out


def test_status_of_nothing_says_so(slot: Slot, capsys: pytest.CaptureFixture[str]) -> None:
    assert slot.read() is None
    assert main(["status", "--name", "other"]) == 3
    assert capsys.readouterr().out == "other is not running\n"


def test_the_kubeconfig_of_what_has_ended_is_not_printed(slot: Slot, capsys: pytest.CaptureFixture[str]) -> None:
    remember(slot)
    assert main(["kubeconfig"]) == 1
    assert capsys.readouterr().out == ""


def test_down_of_nothing_is_no_error(slot: Slot, capsys: pytest.CaptureFixture[str]) -> None:
    assert slot.read() is None
    assert main(["down"]) == 0
    assert capsys.readouterr().out == "default was not running\n"


def test_up_with_a_given_kubeconfig_starts_nothing(
    slot: Slot, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITE_DEVCLUSTER_KUBECONFIG", "/given")
    assert main(["up"]) == 0
    assert "export KUBECONFIG=/given" in capsys.readouterr().out
    assert not slot.folder.exists()


@pytest.mark.parametrize(
    ("arguments", "words"), [(["fetch", "nonsense"], "unknown: nonsense"), (["run", "--"], "say what to run")]
)
def test_a_wrong_request_is_said_in_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert words in capsys.readouterr().err
