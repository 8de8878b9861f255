"""Control groups: made in every hierarchy that the machine has."""

from pathlib import Path

import pytest

from node import cgroups


def machine(tmp_path: Path, *hierarchies: tuple[str, str]) -> Path:
    lines = ["tmpfs /run tmpfs rw 0 0", "/dev/vda / ext4 rw 0 0"]
    for name, kind in hierarchies:
        (tmp_path / name).mkdir()
        lines.append(f"{kind} {tmp_path / name} {kind} rw 0 0")
    mounts = tmp_path / "mounts"
    mounts.write_text("\n".join(lines) + "\n")
    return mounts


def test_the_group_is_made_wherever_groups_are(tmp_path: Path) -> None:
    mounts = machine(tmp_path, ("memory", "cgroup"), ("unified", "cgroup2"))
    assert (tmp_path / "memory/kite-node", tmp_path / "unified/kite-node") == cgroups.make("kite-node", mounts)
    assert (tmp_path / "memory/kite-node").is_dir()
    assert (tmp_path / "unified/kite-node").is_dir()


def test_a_machine_with_version_2_alone_has_one_hierarchy(tmp_path: Path) -> None:
    mounts = machine(tmp_path, ("all", "cgroup2"))
    assert [tmp_path / "all"] == list(cgroups.hierarchies(mounts))


def version_2(root: Path, given: str) -> None:
    (root / "cgroup.controllers").write_text("cpuset cpu io memory pids misc\n")
    (root / "cgroup.subtree_control").write_text(given)


def test_version_2_gives_the_group_the_controllers_that_kubelet_asks_for_and_no_others(tmp_path: Path) -> None:
    mounts = machine(tmp_path, ("all", "cgroup2"))
    version_2(tmp_path / "all", "memory pids\n")
    cgroups.make("kite-node", mounts)
    assert "+cpu +cpuset" == (tmp_path / "all/cgroup.subtree_control").read_text()


def test_what_version_2_gives_already_and_what_version_1_has_is_left_alone(tmp_path: Path) -> None:
    mounts = machine(tmp_path, ("memory", "cgroup"), ("unified", "cgroup2"))
    version_2(tmp_path / "unified", "")
    cgroups.hand_down(mounts)
    assert "" == (tmp_path / "unified/cgroup.subtree_control").read_text()
    (tmp_path / "alone").mkdir()
    mounts = machine(tmp_path / "alone", ("all", "cgroup2"))
    version_2(tmp_path / "alone/all", "cpuset cpu memory pids\n")
    cgroups.hand_down(mounts)
    assert "cpuset cpu memory pids\n" == (tmp_path / "alone/all/cgroup.subtree_control").read_text()


def test_a_new_group_of_version_1_gets_the_processors_of_the_one_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = machine(tmp_path, ("cpuset", "cgroup"), ("all", "cgroup2"))
    (tmp_path / "cpuset/cpuset.cpus").write_text("0-1\n")
    made = Path.mkdir

    def as_the_kernel_does(folder: Path) -> None:
        made(folder)
        (folder / "cpuset.cpus").write_text("\n")

    monkeypatch.setattr(Path, "mkdir", as_the_kernel_does)
    cgroups.make("kite-node", mounts)
    assert "0-1\n" == (tmp_path / "cpuset/kite-node/cpuset.cpus").read_text()
    assert "\n" == (tmp_path / "all/kite-node/cpuset.cpus").read_text()  # whose root has no such file


def test_a_machine_without_groups_has_none(tmp_path: Path) -> None:
    assert [] == list(cgroups.hierarchies(machine(tmp_path)))
