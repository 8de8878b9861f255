"""Control groups: made in every hierarchy that the machine has."""

from pathlib import Path

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


def test_a_machine_without_groups_has_none(tmp_path: Path) -> None:
    assert [] == list(cgroups.hierarchies(machine(tmp_path)))
