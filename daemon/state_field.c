/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state_field.h"

#include "control/json_text.h"

#include <math.h>
#include <string.h>

int state_value(const char *text, size_t length, struct state_wrong *wrong, json_t **ret_value)
{
	json_error_t error;
	int r = json_text_read(text, length, &error, ret_value);
	if (r == JSON_TEXT_WRONG)
		return state_wrong(wrong, "it is torn, or no JSON (line %d: %s)", error.line,
		                   error.text);
	return r;
}

uint64_t state_number(const json_t *object, const char *name, uint64_t max, bool *valid)
{
	const json_t *value = json_object_get(object, name);
	json_int_t number = json_integer_value(value);
	if (json_is_integer(value) && number >= 0 && (uint64_t)number <= max)
		return (uint64_t)number;
	*valid = false;
	return 0;
}

double state_real(const json_t *object, const char *name, bool *valid)
{
	const json_t *value = json_object_get(object, name);
	if (json_is_number(value) && isfinite(json_number_value(value)))
		return json_number_value(value);
	*valid = false;
	return 0;
}

const char *state_text(const json_t *object, const char *name, size_t size, bool *valid)
{
	const json_t *value = json_object_get(object, name);
	const char *text = json_string_value(value);
	bool fits = text && strlen(text) == json_string_length(value) && strlen(text) < size;
	for (const char *p = text; fits && *p; p++)
		fits = (unsigned char)*p >= ' ' && *p != 0x7f;
	if (fits)
		return text;
	*valid = false;
	return "";
}

/* True when there is anything that has to be read. */
static bool is_there(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	return value && !json_is_null(value);
}

bool state_address(const json_t *object, const char *name, struct address *ret, bool *valid)
{
	const char *text = json_string_value(json_object_get(object, name));
	if (!is_there(object, name))
		return false;
	if (text && address_parse(text, ret) == 0)
		return true;
	*valid = false;
	return false;
}

bool state_mac(const json_t *object, const char *name, struct mac *ret, bool *valid)
{
	const char *text = json_string_value(json_object_get(object, name));
	if (!is_there(object, name))
		return false;
	if (text && mac_parse(text, ret) == 0)
		return true;
	*valid = false;
	return false;
}

bool state_endpoint(const json_t *object, const char *name, struct endpoint *ret, bool *valid)
{
	const json_t *value = json_object_get(object, name);
	struct endpoint endpoint = {};
	if (!is_there(object, name))
		return false;
	if (!state_address(value, "address", &endpoint.address, valid))
		*valid = false;
	endpoint.protocol = (uint8_t)state_number(value, "protocol", UINT8_MAX, valid);
	endpoint.has_port = is_there(value, "port");
	if (endpoint.has_port)
		endpoint.port = (uint16_t)state_number(value, "port", UINT16_MAX, valid);
	*ret = endpoint;
	return true;
}

bool state_id(const json_t *object, const char *name, uint32_t *ret, bool *valid)
{
	if (!is_there(object, name))
		return false;
	*ret = (uint32_t)state_number(object, name, UINT32_MAX, valid);
	return true;
}

json_t *state_from_number(bool has, uint64_t number)
{
	return has ? json_integer((json_int_t)number) : json_null();
}

json_t *state_from_address(bool has, const struct address *address)
{
	char text[ADDRESS_TEXT_MAX];
	return has ? json_string(address_print(address, text)) : json_null();
}

json_t *state_from_mac(bool has, const struct mac *mac)
{
	char text[MAC_TEXT_MAX];
	return has ? json_string(mac_print(mac, text)) : json_null();
}

json_t *state_from_endpoint(bool has, const struct endpoint *endpoint)
{
	if (!has)
		return json_null();
	return json_pack("{so si so}", "address", state_from_address(true, &endpoint->address),
	                 "protocol", endpoint->protocol, "port",
	                 endpoint->has_port ? json_integer(endpoint->port) : json_null());
}
