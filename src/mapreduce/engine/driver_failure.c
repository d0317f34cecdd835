/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_failure.c - attempts that failed: what is known about it, for the scheduler in a few
 * facts, for people in a report (paper section 4.6).
 */
#include "driver_internal.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

struct mr_failure mr_driver_look(const struct mr_driver *driver, uint32_t number,
				 enum mr_cause cause, int code, bool outside)
{
	const struct mr_live *live = driver->slots[number].live;
	struct mr_failure failure = {.cause = cause, .code = code, .outside = outside};

	assert(number < driver->slot_count && driver->slots[number].busy);
	if (atomic_load_explicit(&live->record, memory_order_relaxed) == 0)
		return failure;
	failure.position.file = atomic_load_explicit(&live->file, memory_order_relaxed);
	failure.position.offset = atomic_load_explicit(&live->offset, memory_order_relaxed);
	failure.where = MR_IN_RECORD;
	if (atomic_load_explicit(&live->block, memory_order_relaxed)) {
		failure.where = MR_IN_BLOCK;
		failure.block_size = atomic_load_explicit(&live->block_size, memory_order_relaxed);
	}
	return failure;
}

/* The key in flight of a reduce, as far as it can be printed. */
static void add_key(const struct mr_live *live, char *text, size_t size)
{
	uint32_t key_size = atomic_load_explicit(&live->key_size, memory_order_relaxed);
	size_t used = strlen(text);
	char key[MR_LIVE_KEY_MAX + 1];
	uint32_t shown = key_size < MR_LIVE_KEY_MAX ? key_size : MR_LIVE_KEY_MAX;

	assert(used < size);
	if (key_size == 0)
		return;
	for (uint32_t i = 0; i < shown; i++)
		key[i] = isprint((unsigned char)live->key[i]) ? live->key[i] : '.';
	key[shown] = 0;
	snprintf(text + used, size - used, ": \"%s\"%s", key, shown < key_size ? "..." : "");
}

static void add_record(const struct mr_live *live, char *text, size_t size)
{
	size_t used = strlen(text);

	assert(used < size);
	snprintf(text + used, size - used, " (record %" PRIu64 " of the attempt)",
		 atomic_load_explicit(&live->record, memory_order_relaxed));
}

static void fill_report(const struct mr_driver *driver, uint32_t number,
			const struct mr_failure *failure, struct mr_failure_report *report)
{
	const struct mr_driver_slot *slot = &driver->slots[number];
	struct mr_names names = mr_driver_names(driver);

	*report = (struct mr_failure_report){
		.id = mr_attempt_id_of(&slot->attempt),
		.failure = *failure,
		.probe = slot->attempt.probe,
		.printed = slot->printed,
		.printed_size = slot->printed_size,
	};
	if (report->id.kind == MR_REDUCE && report->id.task < driver->board->unit_count)
		report->part = driver->board->units[report->id.task].part;
	mr_explain_how(failure, driver->config->options.record_timeout_ms, report->how,
		       sizeof(report->how));
	mr_explain_where(&names, &report->id, failure, report->where, sizeof(report->where));
	if (failure->cause == MR_CAUSE_SIGNAL && slot->gasped &&
	    slot->fault_address != MR_NO_ADDRESS)
		snprintf(report->error, sizeof(report->error), "fault at address 0x%" PRIx64,
			 slot->fault_address);
	if (failure->cause == MR_CAUSE_CODE)
		snprintf(report->error, sizeof(report->error), "%s", driver->last_error);
	if (failure->where != MR_IN_RECORD)
		return;
	if (report->id.kind == MR_REDUCE)
		add_key(slot->live, report->where, sizeof(report->where));
	else if (!slot->attempt.probe)
		add_record(slot->live, report->where, sizeof(report->where));
}

void mr_driver_report(struct mr_driver *driver, uint32_t number, const struct mr_failure *failure)
{
	const struct mr_verdict *verdict = mr_schedule_verdict(driver->schedule);
	struct mr_attempt_id id = mr_attempt_id_of(&driver->slots[number].attempt);
	bool decided = verdict->reason != MR_VERDICT_NONE &&
		       mr_attempt_id_equal(&verdict->id, &id);
	struct mr_failure shown = decided ? verdict->failure : *failure;
	struct mr_failure_report report;
	bool same = driver->reported && driver->reported_id.kind == id.kind &&
		    driver->reported_id.task == id.task &&
		    mr_position_equal(&driver->reported_position, &shown.position);

	if (id.kind == MR_SAMPLE || (driver->reported && !decided))
		return;
	driver->reported = true;
	driver->reported_id = id;
	driver->reported_position = shown.position;
	if (!driver->observer || !driver->observer->failed)
		return;
	fill_report(driver, number, &shown, &report);
	report.decided = decided;
	report.again = same;
	driver->observer->failed(driver->observer->context, &report);
}

/* The sentence of the task runner, read from a page that user code could have scribbled on. */
static void keep_error(struct mr_driver *driver, const struct mr_live *live, int code)
{
	size_t size = strnlen(live->error.text, sizeof(live->error.text) - 1);

	assert(code < 0 && size < sizeof(driver->last_error));
	memcpy(driver->last_error, live->error.text, size);
	driver->last_error[size] = 0;
	if (size == 0)
		snprintf(driver->last_error, sizeof(driver->last_error), "%s", gw_code_text(code));
}

static void count(struct mr_driver *driver, const struct mr_driver_slot *slot)
{
	assert(slot->busy && slot->attempt.kind <= MR_PLACE);
	if (slot->attempt.kind == MR_SAMPLE)
		mr_board_reset_ranges(driver->board);
	else if (!slot->attempt.probe)
		driver->result->failures[slot->attempt.kind]++;
}

void mr_driver_failed(struct mr_driver *driver, uint32_t number, const struct mr_attempt_id *id,
		      int code)
{
	struct mr_driver_slot *slot = &driver->slots[number];
	struct mr_failure failure, told;

	if (!mr_driver_runs(driver, number, id))
		return;
	if (code >= 0)
		code = GW_E_FAILED;
	if (slot->strange)
		snprintf(slot->live->error.text, sizeof(slot->live->error.text),
			 "the attempt left results that cannot be: its process was damaged");
	keep_error(driver, slot->live, code);
	failure = told = mr_driver_look(driver, number, MR_CAUSE_CODE, code, false);
	/* The record in flight is to blame only if the user's code says so. */
	if (code != GW_E_USER_CODE)
		told.where = MR_IN_ENGINE;
	count(driver, slot);
	mr_schedule_failed(driver->schedule, number, id, &told);
	mr_driver_report(driver, number, &failure);
	mr_driver_end_attempt(driver, number, MR_FAILED);
}

void mr_driver_died(struct mr_driver *driver, uint32_t number, enum mr_cause cause, int code,
		    bool outside)
{
	struct mr_driver_slot *slot = &driver->slots[number];
	struct mr_failure failure = {.cause = cause, .code = code, .outside = outside};

	assert(number < driver->slot_count);
	if (!slot->busy) {
		/* The sentence of a slot that could not even start is in its page. */
		driver->last_error[0] = 0;
		if (slot->live->error.text[0])
			keep_error(driver, slot->live, GW_E_FAILED);
		mr_schedule_died(driver->schedule, number, &failure);
		return;
	}
	failure = mr_driver_look(driver, number, cause, code, outside);
	if (mr_schedule_timed_out(driver->schedule, number) && outside)
		failure.cause = MR_CAUSE_TIMEOUT;
	driver->last_error[0] = 0;
	count(driver, slot);
	mr_schedule_died(driver->schedule, number, &failure);
	mr_driver_report(driver, number, &failure);
	mr_driver_end_attempt(driver, number, MR_FAILED);
}

void mr_driver_gasp(struct mr_driver *driver, uint32_t number, const struct mr_attempt_id *id,
		    uint64_t address)
{
	if (!mr_driver_runs(driver, number, id))
		return;
	driver->slots[number].gasped = true;
	driver->slots[number].fault_address = address;
}

void mr_driver_printed(struct mr_driver *driver, uint32_t number, const char *data, size_t size)
{
	struct mr_driver_slot *slot = &driver->slots[number];
	size_t over;

	assert(number < driver->slot_count && slot->printed_size <= sizeof(slot->printed));
	if (driver->observer && driver->observer->printed && driver->config->options.show_stderr)
		driver->observer->printed(driver->observer->context, data, size);
	if (size > sizeof(slot->printed)) {
		data += size - sizeof(slot->printed);
		size = sizeof(slot->printed);
	}
	over = slot->printed_size + size;
	over = over > sizeof(slot->printed) ? over - sizeof(slot->printed) : 0;
	memmove(slot->printed, slot->printed + over, slot->printed_size - over);
	slot->printed_size -= over;
	assert(size <= sizeof(slot->printed) - slot->printed_size);
	memcpy(slot->printed + slot->printed_size, data, size);
	slot->printed_size += size;
}
