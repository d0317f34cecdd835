/* SPDX-License-Identifier: Apache-2.0 */
/* kv_ask.c - `gw kv get|put|append|cas|delete|scan|watch`. */
#include "cli/kv.h"

#include "base/buffer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static struct gw_kv_read read_of(const struct cli_kv *kv)
{
	return (struct gw_kv_read){kv->weak, kv->weak ? (uint64_t)kv->min_index : 0};
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* The operand, or standard input when it is missing or '-'. */
static int read_value(const struct cli_kv *kv, size_t operand, struct base_buffer *buffer,
		      struct gw_error *error)
{
	char piece[16384];
	size_t size;
	int code = 0;

	buffer->size_max = GW_KV_VALUE_BYTES_MAX;
	if (operand < kv->count && strcmp(kv->operands[operand], "-") != 0)
		return base_buffer_append_string(buffer, kv->operands[operand], error);
	while (code == 0 && (size = fread(piece, 1, sizeof(piece), stdin)) > 0)
		code = base_buffer_append(buffer, piece, size, error);
	if (code == 0 && ferror(stdin))
		code = gw_fail_errno(error, errno, "standard input");
	if (code == GW_E_TOO_LARGE)
		code = gw_fail(error, code, "%s: a value on standard input of more than %d bytes",
			       kv->operands[0], GW_KV_VALUE_BYTES_MAX);
	return code;
}

static json_t *item_json(const struct gw_kv_item *item, bool with_key, bool with_value)
{
	json_t *json = json_object();

	if (!json)
		return NULL;
	if (with_key)
		cli_kv_json_bytes(json, "key", item->key);
	if (with_value)
		cli_kv_json_bytes(json, "value", item->value);
	if (item->version)
		json_object_set_new(json, "version", json_integer((json_int_t)item->version));
	if (item->ttl_ms)
		json_object_set_new(json, "ttlMs", json_integer((json_int_t)item->ttl_ms));
	return json;
}

int cli_kv_get(struct cli_kv *kv, struct gw_error *error)
{
	struct gw_kv_read read = read_of(kv);
	struct gw_kv_value value = {0};
	const struct gw_bytes *bytes = &value.item.value;
	int code = gw_kv_get(kv->client, gw_string(kv->operands[0]), &read, &value, error);

	if (code == 0)
		code = gw_fail(error, GW_E_NOT_FOUND, "%s: no such key", kv->operands[0]);
	else if (code == 1 && kv->json) {
		json_t *json = item_json(&value.item, false, true);

		json_object_set_new(json, "index", json_integer((json_int_t)value.index));
		code = cli_kv_print_json(json, error);
	} else if (code == 1) {
		/* As it is: what was put from a file is that file. A terminal gets a line. */
		if (fwrite(bytes->data, 1, bytes->size, stdout) != bytes->size)
			code = gw_fail_errno(error, errno, "standard output");
		if (isatty(STDOUT_FILENO))
			putchar('\n');
	}
	gw_kv_value_done(&value);
	return code;
}

/* ---- Changes --------------------------------------------------------------------------------- */

static int print_change(const struct cli_kv *kv, int code, const struct gw_kv_change *change,
			struct gw_error *error)
{
	if (code < 0 || !kv->json)
		return code;
	return cli_kv_print_json(json_pack("{s:I,s:b,s:I}", "index", (json_int_t)change->index,
					   "existed", change->existed, "size",
					   (json_int_t)change->size),
				 error);
}

int cli_kv_put(struct cli_kv *kv, struct gw_error *error)
{
	struct base_buffer value = {0};
	struct gw_kv_change change = {0};
	int code = read_value(kv, 1, &value, error);

	if (code == 0)
		code = gw_kv_put(kv->client, gw_string(kv->operands[0]), base_buffer_bytes(&value),
				 kv->ttl_ms, &change, error);
	base_buffer_done(&value);
	return print_change(kv, code, &change, error);
}

int cli_kv_append(struct cli_kv *kv, struct gw_error *error)
{
	struct base_buffer value = {0};
	struct gw_kv_change change = {0};
	int code = read_value(kv, 1, &value, error);

	if (code == 0)
		code = gw_kv_append(kv->client, gw_string(kv->operands[0]),
				    base_buffer_bytes(&value), &change, error);
	base_buffer_done(&value);
	return print_change(kv, code, &change, error);
}

int cli_kv_delete(struct cli_kv *kv, struct gw_error *error)
{
	struct gw_kv_change change = {0};
	int code = gw_kv_delete(kv->client, gw_string(kv->operands[0]), &change, error);

	return print_change(kv, code, &change, error);
}

static int make_swap(const struct cli_kv *kv, struct gw_kv_swap *swap, struct base_buffer *value,
		     struct gw_error *error)
{
	if (kv->if_absent + (kv->if_version >= 0) + (kv->if_value != NULL) != 1)
		return gw_fail(error, GW_E_USAGE,
			       "one of --if-absent, --if-version and --if-value is wanted");
	*swap = (struct gw_kv_swap){.key = gw_string(kv->operands[0]),
				    .condition = GW_KV_IF_ABSENT,
				    .remove = kv->remove,
				    .ttl_ms = kv->ttl_ms};
	if (kv->if_version >= 0) {
		swap->condition = GW_KV_IF_VERSION;
		swap->version = (uint64_t)kv->if_version;
	} else if (kv->if_value) {
		swap->condition = GW_KV_IF_VALUE;
		swap->expected = gw_string(kv->if_value);
	}
	if (kv->remove)
		return kv->count == 1 && kv->ttl_ms == 0
			       ? 0
			       : gw_fail(error, GW_E_USAGE, "--delete takes no value and no --ttl");
	return read_value(kv, 1, value, error);
}

int cli_kv_cas(struct cli_kv *kv, struct gw_error *error)
{
	struct base_buffer bytes = {0};
	struct gw_kv_value value = {0};
	struct gw_kv_swap swap;
	int code = make_swap(kv, &swap, &bytes, error);

	swap.value = base_buffer_bytes(&bytes);
	if (code == 0)
		code = gw_kv_compare_and_swap(kv->client, &swap, &value, error);
	base_buffer_done(&bytes);
	if (code >= 0 && kv->json) {
		json_t *json = item_json(&value.item, false, value.item.found);

		json_object_set_new(json, "index", json_integer((json_int_t)value.index));
		json_object_set_new(json, "swapped", json_boolean(code == 1));
		json_object_set_new(json, "found", json_boolean(value.item.found));
		if (cli_kv_print_json(json, error) < 0)
			code = GW_E_IO;
	}
	if (code == 0)
		code = gw_fail(error, GW_E_FAILED, "%s: %s", kv->operands[0],
			       value.item.found ? "it is not as expected" : "there is no such key");
	gw_kv_value_done(&value);
	return code;
}

/* ---- Ranges ---------------------------------------------------------------------------------- */

/* The range of the operands, or of --prefix, whose end is made in `end`. */
static int make_range(const struct cli_kv *kv, struct gw_kv_range *range,
		      char end[GW_KV_KEY_BYTES_MAX], struct gw_error *error)
{
	size_t size;

	*range = (struct gw_kv_range){.keys_only = kv->keys_only};
	if (kv->count > 0)
		range->begin = gw_string(kv->operands[0]);
	if (kv->count > 1)
		range->end = gw_string(kv->operands[1]);
	if (!kv->prefix)
		return 0;
	size = strlen(kv->prefix);
	if (kv->count > 0 || size > GW_KV_KEY_BYTES_MAX)
		return gw_fail(error, GW_E_USAGE, "--prefix stands for BEGIN and END");
	memcpy(end, kv->prefix, size);
	while (size > 0 && (unsigned char)end[size - 1] == 0xff)
		size--;
	if (size > 0)
		end[size - 1]++;
	range->begin = gw_string(kv->prefix);
	range->end = (struct gw_bytes){end, size};
	return 0;
}

static int print_items(const struct cli_kv *kv, const struct gw_kv_page *page,
		       struct gw_error *error)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < page->count; i++) {
		const struct gw_kv_item *item = &page->items[i];

		if (kv->json) {
			code = cli_kv_print_json(item_json(item, true, !kv->keys_only), error);
			continue;
		}
		cli_kv_print_escaped(item->key);
		if (!kv->keys_only) {
			putchar('\t');
			cli_kv_print_escaped(item->value);
		}
		putchar('\n');
	}
	if (code == 0 && ferror(stdout))
		code = gw_fail(error, GW_E_IO, "standard output cannot be written");
	return code;
}

int cli_kv_scan(struct cli_kv *kv, struct gw_error *error)
{
	struct gw_kv_read read = read_of(kv);
	char end[GW_KV_KEY_BYTES_MAX];
	uint64_t left = kv->limit > 0 ? (uint64_t)kv->limit : UINT64_MAX;
	struct gw_kv_page page = {0}, last = {0};
	struct gw_kv_range range;
	int code = make_range(kv, &range, end, error);

	do {
		range.limit = left < GW_KV_KEYS_MAX ? (uint32_t)left : GW_KV_KEYS_MAX;
		if (code == 0)
			code = gw_kv_scan(kv->client, &range, &read, &page, error);
		gw_kv_page_done(&last); /* the range began in it */
		if (code == 0)
			code = print_items(kv, &page, error);
		left -= page.count < left ? page.count : left;
		range.begin = page.next;
		last = page;
	} while (code == 0 && page.more && left > 0);
	gw_kv_page_done(&last);
	return code;
}

static const char *kind_text(const struct gw_kv_event *event)
{
	switch (event->kind) {
	case GW_KV_DELETE:
		return "delete";
	case GW_KV_EXPIRED:
		return "expired";
	default:
		return "put";
	}
}

static int print_event(const struct cli_kv *kv, uint64_t index, const struct gw_kv_event *event,
		       struct gw_error *error)
{
	bool has_value = event->kind == GW_KV_PUT && !kv->keys_only;

	if (kv->json) {
		json_t *json = json_pack("{s:I,s:s}", "index", (json_int_t)index, "kind",
					 kind_text(event));

		cli_kv_json_bytes(json, "key", event->key);
		if (has_value)
			cli_kv_json_bytes(json, "value", event->value);
		if (event->expires_ms)
			json_object_set_new(json, "expiresMs",
					    json_integer((json_int_t)event->expires_ms));
		return cli_kv_print_json(json, error);
	}
	printf("%" PRIu64 "\t%s\t", index, kind_text(event));
	cli_kv_print_escaped(event->key);
	if (has_value) {
		putchar('\t');
		cli_kv_print_escaped(event->value);
	}
	return putchar('\n') == EOF ? gw_fail_errno(error, errno, "standard output") : 0;
}

int cli_kv_watch(struct cli_kv *kv, struct gw_error *error)
{
	char end[GW_KV_KEY_BYTES_MAX];
	uint64_t left = kv->limit > 0 ? (uint64_t)kv->limit : UINT64_MAX;
	struct gw_kv_events events = {0};
	struct gw_kv_watch *watch = NULL;
	struct gw_kv_range range;
	uint64_t from;
	int code = make_range(kv, &range, end, error);

	if (code == 0)
		code = gw_kv_watch_new(&watch, kv->client, &range, (uint64_t)kv->from, &from,
				       error);
	if (code == 0)
		fprintf(stderr, "watching from entry %" PRIu64 "\n", from);
	while (code == 0 && left > 0) {
		code = gw_kv_watch_next(watch, &events, error);
		for (size_t i = 0; code == 0 && i < events.count && left > 0; i++, left--)
			code = print_event(kv, events.index, &events.items[i], error);
		/* A change is seen when it comes. */
		if (code == 0 && fflush(stdout) != 0)
			code = gw_fail_errno(error, errno, "standard output");
		gw_kv_events_done(&events);
	}
	gw_kv_watch_free(watch);
	return code;
}
