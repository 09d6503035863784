# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs that are installed are hardened, whatever the distribution's flags."""
import os
import pathlib
import platform
import re
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILDS = os.environ.get("EGRESSD_HARDENED_BUILDS", "build-boot").split()
PROGRAMS = ("daemon/egressd", "daemon/egressctl/egressctl", "daemon/processes/egressd-processes")
BARE = ("-O2", "-no-pie", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-fcf-protection=none",
        "-fno-stack-clash-protection", "-Wl,-z,norelro", "-Wl,-z,lazy")
# What each word needs of the command line, so that nothing else is missed.
WHOLE = {"PIE": ("-fPIE", "-pie"), "RELRO": ("-Wl,-z,relro",), "BIND_NOW": ("-Wl,-z,now",),
         "stack protector": ("-fstack-protector-strong",),
         "stack clash protection": ("-fstack-clash-protection",),
         "_FORTIFY_SOURCE": ("-D_FORTIFY_SOURCE=2",),
         "branch protection": ("-fcf-protection",)}
PROGRAM = """
#include <stdio.h>
#include <string.h>
int fill(char *text, int count);
int main(int argc, char **argv)
{
    char text[64], large[262144], sized[argc * 4096];
    snprintf(text, (size_t)argc + 20, "%s", argv[0]);
    memset(large, argc, sizeof(large));
    memset(sized, argc, sizeof(sized));
    return fill(text, 1) + fill(large, 2) + fill(sized, 3);
}
"""
FILL = "int fill(char *text, int count) { return text[count] ? count : 0; }"


def shown(tool: str, *arguments: str) -> str:
    """What a tool of binutils prints."""
    return subprocess.run([tool, "--wide", *arguments], check=True, capture_output=True,
                          text=True).stdout


def lacks(program: pathlib.Path) -> set[str]:
    """Which protections a program lacks."""
    headers = shown("readelf", "-h", "-l", "-d", str(program))
    symbols = shown("readelf", "--symbols", "--dyn-syms", str(program))
    code = shown("objdump", "-d", "--no-show-raw-insn", str(program))
    has = {
        "PIE": bool(re.search(r"Type:\s+DYN", headers) and re.search(r"FLAGS_1.*\bPIE\b", headers)),
        "RELRO": "GNU_RELRO" in headers,
        "BIND_NOW": bool(re.search(r"\(FLAGS\).*\bBIND_NOW\b|\(FLAGS_1\).*\bNOW\b", headers)),
        "stack protector": "__stack_chk_fail" in symbols,
        "_FORTIFY_SOURCE": bool(re.search(r"\b__(?!stack)\w+_chk\b", symbols)),
    }
    if platform.machine() == "x86_64":
        # A frame of several pages is made page by page, and each page is touched.
        has["stack clash protection"] = not any(
            0x1000 < int(size, 16) < 1 << 31 for size in re.findall(r"\bsub\s+\$0x(\w+),%rsp\b", code))
        # At the beginning of functions of ours, and not of the C library's start alone.
        has["branch protection"] = len(re.findall(r"\bendbr64\b", code)) > 8 or (
            "<main>:" in code and bool(re.search(r"<main>:\n\s*\w+:\s+endbr64", code)))
    return {name for name, there in has.items() if not there}


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_that_is_installed_is_hardened(build: str, program: str):
    built = SOURCE / build / program
    if not built.exists():
        pytest.skip(f"{build} was not built: `./quickstart test` builds it")
    assert lacks(built) == set()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory):
    """Compiles a small program with these flags."""
    folder = tmp_path_factory.mktemp("hardening")
    (folder / "fill.c").write_text(FILL)
    (folder / "main.c").write_text(PROGRAM)

    def build(*flags: str) -> pathlib.Path:
        subprocess.run(["cc", "-o", folder / "program", folder / "main.c", folder / "fill.c",
                        *flags], check=True, capture_output=True)
        return folder / "program"
    return build


def test_the_check_finds_what_a_bare_program_lacks(compiled):
    expected = set(WHOLE) if platform.machine() == "x86_64" else set(WHOLE) - {
        "stack clash protection", "branch protection"}
    assert lacks(compiled(*BARE)) == expected


@pytest.mark.parametrize("missing", WHOLE)
def test_the_check_finds_each_protection_that_is_missing(compiled, missing: str):
    if platform.machine() != "x86_64" and missing in ("stack clash protection",
                                                      "branch protection"):
        pytest.skip(f"{missing} is checked on x86_64 only")
    flags = [flag for name, flags in WHOLE.items() if name != missing for flag in flags]
    bare = [flag for flag in BARE
            if not (flag == "-no-pie" and missing != "PIE") and
            not (flag == "-Wl,-z,norelro" and missing != "RELRO")]
    assert lacks(compiled(*bare, *flags)) == {missing}
