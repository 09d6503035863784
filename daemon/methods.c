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

static const struct parameter assign_parameters[] = {
        {"address", PARAMETER_STRING, true},
        {"role", PARAMETER_STRING, true},
        {"seconds", PARAMETER_INT, false},
        {"why", PARAMETER_STRING, false},
        {},
};

static const struct parameter unassign_parameters[] = {
        {"address", PARAMETER_STRING, true},
        {},
};

static const struct parameter permit_parameters[] = {
        {"host", PARAMETER_STRING, true}, {"service", PARAMETER_STRING, true},
        {"to", PARAMETER_STRING, false},  {"seconds", PARAMETER_INT, true},
        {"why", PARAMETER_STRING, true},  {},
};

static const struct parameter revoke_parameters[] = {
        {"id", PARAMETER_INT, true},
        {},
};

static const struct parameter quarantine_parameters[] = {
        {"host", PARAMETER_STRING, true},
        {"seconds", PARAMETER_INT, false},
        {"why", PARAMETER_STRING, false},
        {},
};

static const struct parameter release_parameters[] = {
        {"host", PARAMETER_STRING, true},
        {},
};

static const struct parameter pickup_parameters[] = {
        {"seconds", PARAMETER_INT, true},
        {"why", PARAMETER_STRING, false},
        {},
};

static const struct parameter list_alarms_parameters[] = {
        {"all", PARAMETER_BOOL, false},
        {"utc_offset", PARAMETER_INT, false},
        {"utc_offset_since", PARAMETER_INT, false},
        {"utc_offset_before", PARAMETER_INT, false},
        {},
};

static const struct parameter monitor_parameters[] = {
        {STREAM_KIND, PARAMETER_STRING, false},
        {},
};

static const struct parameter alarm_parameters[] = {
        {"id", PARAMETER_INT, true},
        {"utc_offset", PARAMETER_INT, false},
        {"utc_offset_since", PARAMETER_INT, false},
        {"utc_offset_before", PARAMETER_INT, false},
        {},
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
        {.name = "Assign",
         .access = ACCESS_CHANGE,
         .call = method_assign,
         .parameters = assign_parameters},
        {.name = "Unassign",
         .access = ACCESS_CHANGE,
         .call = method_unassign,
         .parameters = unassign_parameters},
        {.name = "ListAssignments", .access = ACCESS_READ, .call = method_list_assignments},
        {.name = "Permit",
         .access = ACCESS_CHANGE,
         .call = method_permit,
         .parameters = permit_parameters},
        {.name = "Revoke",
         .access = ACCESS_CHANGE,
         .call = method_revoke,
         .parameters = revoke_parameters},
        {.name = "ListPermits", .access = ACCESS_READ, .call = method_list_permits},
        {.name = "Quarantine",
         .access = ACCESS_CHANGE,
         .call = method_quarantine,
         .parameters = quarantine_parameters},
        {.name = "Release",
         .access = ACCESS_CHANGE,
         .call = method_release,
         .parameters = release_parameters},
        {.name = "ListQuarantined", .access = ACCESS_READ, .call = method_list_quarantined},
        {.name = "Pickup",
         .access = ACCESS_CHANGE,
         .call = method_pickup,
         .parameters = pickup_parameters},
        {.name = "ClosePickup", .access = ACCESS_CHANGE, .call = method_close_pickup},
        {.name = "ListPickedUp", .access = ACCESS_READ, .call = method_list_picked_up},
        {.name = "ListAlarms",
         .access = ACCESS_READ,
         .call = method_list_alarms,
         .parameters = list_alarms_parameters},
        {.name = "GetAlarm",
         .access = ACCESS_READ,
         .call = method_get_alarm,
         .parameters = alarm_parameters},
        {.name = "AckAlarm",
         .access = ACCESS_CHANGE,
         .call = method_ack_alarm,
         .parameters = alarm_parameters},
        {.name = "ClearAlarm",
         .access = ACCESS_CHANGE,
         .call = method_clear_alarm,
         .parameters = alarm_parameters},
        {.name = "Reload", .access = ACCESS_CHANGE, .call = method_reload},
        {.name = "Monitor",
         .access = ACCESS_READ,
         .stream = true,
         .parameters = monitor_parameters},
        {},
};
