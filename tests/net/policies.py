# SPDX-License-Identifier: GPL-2.0-or-later
"""Configurations that the tests load."""

GATEWAY = """
gateway = { inside = [ "lan0", "dmz0" ]; mode = "enforce"; refuse = "reject"; };
"""

# For a table that anybody may change.
UNOWNED = GATEWAY.replace("};", "own_table = false; };")

# The classic table (design section 1) for the hosts of the laboratory.
CLASSIC = GATEWAY + """
networks = {
  loghost  = [ "192.0.2.54", "2001:db8::54" ];
  timehost = [ "203.0.113.123", "2001:db8:ffff:0:1::123" ];
  admin    = [ "192.0.2.64/27", "2001:db8::60-2001:db8::6f", "203.0.113.99",
               "2001:db8:ffff:0:1::99" ];
};
roles = {
  server = { outbound = ( { service = [ "syslog" ]; to = [ "loghost" ]; },
                          { service = [ "ntp" ]; to = [ "timehost" ]; } );
             inbound  = ( { service = [ "ssh" ]; from = [ "admin" ]; } ); };
  web    = { inherits = [ "server" ]; inbound = [ "http", "https" ]; };
  mail   = { inherits = [ "server" ]; inbound = [ "smtp", "auth" ];
             outbound = [ "smtp", "auth", "dns" ]; };
  dns    = { inherits = [ "server" ]; inbound = [ "dns" ]; outbound = [ "dns" ]; };
  log    = { inherits = [ "server" ]; inbound = [ "syslog" ]; };
  admin  = { inbound = [ ]; outbound = [ "ssh" ]; };
  desk   = { inbound = [ ]; outbound = [ "http", "https", "ftp", "pop3", "dns", "ping" ]; };
};
hosts = (
  { name = "www1";  role = "web";  address = [ "192.0.2.80", "2001:db8::80" ]; },
  { name = "mail1"; role = "mail"; address = [ "192.0.2.25", "2001:db8::25" ]; },
  { name = "dns1";  role = "dns";  address = [ "192.0.2.53", "2001:db8::53" ]; },
  { name = "loghost"; role = "log"; address = [ "192.0.2.54", "2001:db8::54" ]; },
  { name = "admin"; role = "admin"; address = [ "192.0.2.65", "2001:db8::65" ]; },
  { name = "office"; role = "desk";
    address = [ "192.168.0.10-192.168.0.99", "2001:db8:1::/120" ]; }
);
"""


def small(outbound: str = '"http"', gateway: str = "", roles: str = "", hosts: str = "",
          host: str = "", rest: str = "") -> str:
    """One role `desk` and one host `desk1`, and whatever a test adds to them."""
    return f"""
gateway = {{ inside = [ "lan0", "dmz0" ]; {gateway} }};
{rest}
roles = {{ desk = {{ outbound = [ {outbound} ]; }}; {roles} }};
hosts = (
  {{ name = "desk1"; role = "desk"; address = [ "192.168.0.11", "2001:db8:1::11" ]; {host} }}{hosts}
);
"""
