/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "methods.h"

static const struct parameter list_hosts_parameters[] = {
        {"role", PARAMETER_STRING, false},
        {},
};

static const struct parameter list_blocked_parameters[] = {
        {"source", PARAMETER_STRING, false},
        {"host", PARAMETER_STRING, false},
        {"role", PARAMETER_STRING, false},
        {"since", PARAMETER_INT, false},
        {},
};

static const struct parameter explain_parameters[] = {
        {"source", PARAMETER_STRING, true},  {"destination", PARAMETER_STRING, true},
        {"service", PARAMETER_STRING, true}, {"interface", PARAMETER_STRING, false},
        {"mac", PARAMETER_STRING, false},    {},
};

const struct method methods[] = {
        {.name = "GetStatus", .access = ACCESS_READ, .call = method_get_status},
        {.name = "ListRoles", .access = ACCESS_READ, .call = method_list_roles},
        {.name = "ListHosts",
         .access = ACCESS_READ,
         .call = method_list_hosts,
         .parameters = list_hosts_parameters},
        {.name = "ListBlocked",
         .access = ACCESS_READ,
         .call = method_list_blocked,
         .parameters = list_blocked_parameters},
        {.name = "Explain",
         .access = ACCESS_READ,
         .call = method_explain,
         .parameters = explain_parameters},
        {.name = "Reload", .access = ACCESS_CHANGE, .call = method_reload},
        {.name = "Monitor", .access = ACCESS_READ, .stream = true},
        {},
};
