/* SPDX-License-Identifier: Apache-2.0 */
/* options_fuzz.c - a command line of any bytes: words end with NUL, the first byte picks the
 * style. */
#include <groundwork/base.h>

#include <assert.h>
#include <stdlib.h>

struct values {
	bool flag;
	int64_t number;
	uint64_t size, ms;
	const char *text, *choice;
	struct gw_option_list list;
};

static const struct gw_option table[] = {
	{"flag", 'a', GW_OPTION_FLAG, offsetof(struct values, flag), NULL, "", NULL},
	{"number", 'n', GW_OPTION_INT, offsetof(struct values, number), "N", "", NULL},
	{"size", 's', GW_OPTION_SIZE, offsetof(struct values, size), "SIZE", "", NULL},
	{"ms", 0, GW_OPTION_MS, offsetof(struct values, ms), "TIME", "", NULL},
	{"text", 't', GW_OPTION_STRING, offsetof(struct values, text), "TEXT", "", NULL},
	{"choice", 'c', GW_OPTION_STRING, offsetof(struct values, choice), "ONE", "", "x|yy|"},
	{"list", 'l', GW_OPTION_LIST, offsetof(struct values, list), "ITEM", "", NULL},
	{0},
};

enum { WORDS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct values values = {0};
	const struct gw_option_group groups[] = {{NULL, table, &values}, {0}};
	struct gw_error error = {0};
	char *copy = calloc(1, size + 1);
	char *argv[WORDS_MAX + 1] = {0};
	char **operands;
	size_t count;
	int argc = 0;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	for (size_t at = 0; at < size && argc < WORDS_MAX; at += strlen(copy + at) + 1)
		argv[argc++] = copy + at;
	if (gw_options_parse(groups, size && data[0] & 1 ? GW_STYLE_HADOOP : GW_STYLE_GNU, argc,
			     argv, &operands, &count, &error) == 0) {
		assert(count + values.list.count <= (size_t)argc);
		assert(operands[count] == NULL);
		free(operands);
		gw_options_done(groups);
	} else {
		assert(error.code == GW_E_USAGE && error.text[0] == '-');
	}
	assert(!values.list.items);
	free(copy);
	return 0;
}
