"""When the JVM worker is built, and what is said when it cannot be; its tools are stand-ins."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dev.jvm import JvmMissingError, worker_command, worker_jar
from dev.stack import ROOT

MAVEN = """#!/bin/sh
echo "$@" >> "$CALLS"
[ -n "$MAVEN_FAILS" ] && { echo 'cannot find symbol'; exit 1; }
mkdir -p target/dist
touch target/dist/chainsaga-jvm-worker.jar
"""


class Workshop:
    """A module with one source, and a machine with the tools that a test puts there."""

    def __init__(self, home: Path) -> None:
        self.module = home / "module"
        self.golden = home / "golden"
        self.bin = home / "bin"
        self.calls = home / "calls"
        for folder in (self.module / "src", self.golden, self.bin):
            folder.mkdir(parents=True)
        (self.module / "pom.xml").write_text("<project/>")
        self.source = self.module / "src" / "Main.java"
        self.source.write_text("class Main {}")
        self.calls.touch()
        # /bin: the stand-ins are shell scripts.
        self.environment = {"PATH": f"{self.bin}{os.pathsep}/nowhere", "CALLS": str(self.calls)}
        for name in ("mkdir", "touch"):
            found = shutil.which(name)
            assert found is not None
            (self.bin / name).symlink_to(found)

    def tool(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def jdk(self, version: str = "17.0.15") -> None:
        self.tool("javac", f"#!/bin/sh\necho javac {version}\n")
        self.tool("java", "#!/bin/sh\n")

    def build(self, *, tested: bool = False, **environment: str) -> Path:
        given = {**self.environment, **environment}
        return worker_jar(given, tested=tested, module=self.module, golden=self.golden)

    def built(self) -> list[str]:
        """What Maven was called with."""
        return self.calls.read_text().splitlines()


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (None, "`javac` is not on PATH"),
        ("11.0.2", "a JDK 17 or newer is wanted, and this is javac 11"),
        ("17.0.15", "Maven is not installed"),
    ],
)
def test_what_is_missing_is_said(workshop: Workshop, version: str | None, words: str) -> None:
    if version is not None:
        workshop.jdk(version)
    with pytest.raises(JvmMissingError) as caught:
        workshop.build()
    assert words in str(caught.value)
    assert "apt-get install openjdk-17-jdk-headless maven" in str(caught.value)


def test_it_is_built_when_something_changed(workshop: Workshop) -> None:
    workshop.jdk()
    workshop.tool("mvn", MAVEN)
    jar = workshop.build()
    assert jar.is_file()
    assert workshop.build() == jar
    assert len(workshop.built()) == 1
    assert "-DskipTests" in workshop.built()[0]
    stale = workshop.module / "target" / "classes" / "Gone.class"
    stale.parent.mkdir()
    stale.touch()
    workshop.source.write_text("class Main { }")
    workshop.build()
    assert len(workshop.built()) == 2
    assert not stale.exists()
    workshop.source.rename(workshop.source.with_name("Other.java"))
    workshop.build()
    assert len(workshop.built()) == 3
    (workshop.golden / "one.json").write_text("{}")
    workshop.build()
    assert len(workshop.built()) == 4
    jar.unlink()
    workshop.build()
    assert len(workshop.built()) == 5


def test_its_tests_run_once_for_what_they_depend_on(workshop: Workshop) -> None:
    workshop.jdk()
    workshop.tool("mvn", MAVEN)
    workshop.build()
    workshop.build(tested=True)
    assert "-DskipTests" not in workshop.built()[1]
    workshop.build(tested=True)
    workshop.build()
    assert len(workshop.built()) == 2


def test_a_build_that_fails_is_no_build(workshop: Workshop) -> None:
    workshop.jdk()
    workshop.tool("mvn", MAVEN)
    with pytest.raises(JvmMissingError, match="cannot find symbol"):
        workshop.build(MAVEN_FAILS="1")
    assert workshop.build().is_file()


def test_the_jdk_may_be_named(workshop: Workshop, tmp_path: Path) -> None:
    workshop.jdk("11")
    home = tmp_path / "jdk" / "bin"
    home.mkdir(parents=True)
    for program in ("java", "javac"):
        (workshop.bin / program).rename(home / program)
    environment = {**workshop.environment, "JAVA_HOME": str(home.parent)}
    assert worker_command(Path("x.jar"), environment)[0] == str(home / "java")
    with pytest.raises(JvmMissingError, match="this is javac 11"):
        workshop.build(JAVA_HOME=str(home.parent))


@pytest.mark.parametrize(("given", "wanted"), [("JVM=1", True), ("JVM=0", False), ("", False)])
def test_make_up_starts_it_where_it_is_asked_for(given: str, *, wanted: bool) -> None:
    command = ["make", "--dry-run", "up", *filter(None, [given])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ("-m dev.up --jvm" in done.stdout) is wanted
