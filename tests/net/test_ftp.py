# SPDX-License-Identifier: GPL-2.0-or-later
"""FTP: the helper's expectations pass, and nothing that only looks like them."""
import ftplib
import socket

import ftp
import pytest
import traffic
from daemon import Daemon
from lab import WORLD, WORLD_V6, Lab
from policies import small

FAMILIES = pytest.mark.parametrize("far", [WORLD, WORLD_V6])
TRANSFERS = pytest.mark.parametrize("passive", [True, False], ids=["passive", "active"])


@FAMILIES
@TRANSFERS
def test_a_transfer_passes_from_a_desk_through_the_helper(clean: Lab, daemon: Daemon, far: str,
                                                          passive: bool):
    daemon.start(small('"ftp"', rest="", roles="").replace(
        'outbound = [ "ftp" ];', 'outbound = [ "ftp" ]; inbound = [ ];'))
    with ftp.serving(clean.world, far):
        assert ftp.fetch(clean["desk1"], far, passive) == ftp.CONTENT
    assert daemon.blocked() == []


@FAMILIES
@TRANSFERS
def test_no_transfer_passes_without_the_helper(clean: Lab, daemon: Daemon, far: str, passive: bool):
    daemon.start(small('"tcp/21"').replace('outbound = [ "tcp/21" ];',
                                           'outbound = [ "tcp/21" ]; inbound = [ ];'))
    with ftp.serving(clean.world, far), pytest.raises((OSError, ftplib.Error, EOFError)):
        ftp.fetch(clean["desk1"], far, passive)
    line, = daemon.blocked(1)
    assert line["reason"] == ("role" if passive else "inbound")


@FAMILIES
def test_a_port_that_no_transfer_announced_stays_shut(clean: Lab, daemon: Daemon, far: str):
    daemon.start(small('"ftp"'))
    desk = clean["desk1"]
    with ftp.serving(clean.world, far), ftp.client_control(desk, far, 21) as control:
        control.recv(100)
        control.sendall(b"EPSV\r\n")
        port = int(control.recv(100).split(b"|")[3])
        assert traffic.tcp(desk, clean.world, far, port - 1) == traffic.RESET
        with traffic.connect(desk, far, port):
            pass
        # The expectation was used up by the connection.
        with pytest.raises(OSError):
            traffic.connect(desk, far, port)
        control.shutdown(socket.SHUT_RDWR)


@FAMILIES
def test_a_desk_without_ftp_gets_nowhere(clean: Lab, daemon: Daemon, far: str):
    daemon.start(small('"http"'))
    assert traffic.tcp(clean["desk1"], clean.world, far, 21) == traffic.RESET
