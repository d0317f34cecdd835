/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c - see explain.h.
 */
#include "explain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

void mr_explain_task(const struct mr_names *names, enum mr_task_kind kind, uint32_t task,
		     char *text, size_t size)
{
	const char *what = kind == MR_PLACE ? "placing the output of task" : "reduce task";

	assert(kind <= MR_PLACE && size > 0);
	if (kind == MR_SAMPLE)
		snprintf(text, size, "the sample");
	else if (kind == MR_MAP)
		snprintf(text, size, "map task %u", task);
	else if (task < names->board->unit_count)
		snprintf(text, size, "%s %u (part %u)", what, task, names->board->units[task].part);
	else
		snprintf(text, size, "%s %u", what, task);
}

void mr_explain_how(const struct mr_failure *failure, uint64_t timeout_ms, char *text, size_t size)
{
	const char *name;

	switch (failure->cause) {
	case MR_CAUSE_CODE:
		snprintf(text, size, "%s", gw_code_text(failure->code));
		break;
	case MR_CAUSE_EXIT:
		snprintf(text, size, "the process ended with exit status %d", failure->code);
		break;
	case MR_CAUSE_SIGNAL:
		name = sigabbrev_np(failure->code);
		if (name)
			snprintf(text, size, "killed by SIG%s (%s)", name,
				 sigdescr_np(failure->code));
		else
			snprintf(text, size, "killed by signal %d", failure->code);
		break;
	case MR_CAUSE_TIMEOUT:
		snprintf(text, size, "a record took longer than %" PRIu64 " ms", timeout_ms);
		break;
	case MR_CAUSE_LOST:
		snprintf(text, size, "the process was lost");
		break;
	}
}

static const char *file_name(const struct mr_names *names, uint32_t file)
{
	return file < names->plan->file_count ? names->plan->files[file].path : "an unknown file";
}

void mr_explain_position(const struct mr_names *names, const struct mr_skipped *record, char *text,
			 size_t size)
{
	const struct mr_position *at = &record->position;

	assert(size > 0);
	if (record->kind == MR_REDUCE || at->file == MR_IN_REDUCE)
		snprintf(text, size, "key %" PRIu64 " of reduce task %u (part %u)", at->offset,
			 record->task, record->part);
	else if (names->config->job.reader)
		snprintf(text, size, "record %" PRIu64 " of split %u", at->offset, at->file);
	else
		snprintf(text, size, "%s, byte %" PRIu64, file_name(names, at->file), at->offset);
}

void mr_explain_where(const struct mr_names *names, const struct mr_attempt_id *id,
		      const struct mr_failure *failure, char *text, size_t size)
{
	const struct mr_position *at = &failure->position;
	struct mr_skipped record = {.kind = id->kind, .task = id->task, .position = *at};

	assert(failure->where <= MR_IN_BLOCK && size > 0);
	if (id->kind == MR_REDUCE && id->task < names->board->unit_count)
		record.part = names->board->units[id->task].part;
	if (failure->where == MR_IN_RECORD)
		mr_explain_position(names, &record, text, size);
	else if (failure->where == MR_IN_BLOCK)
		snprintf(text, size, "%s, somewhere in the %" PRIu64 " bytes from byte %" PRIu64,
			 file_name(names, at->file), failure->block_size, at->offset);
	else
		text[0] = 0;
}

static int code_of(const struct mr_failure *failure)
{
	switch (failure->cause) {
	case MR_CAUSE_CODE:
		return failure->code < 0 ? failure->code : GW_E_FAILED;
	case MR_CAUSE_EXIT:
		return GW_E_USER_CODE;
	case MR_CAUSE_TIMEOUT:
		return GW_E_TIMEOUT;
	default:
		return GW_E_CRASHED;
	}
}

/* How it failed, and with the task runner's own sentence if there is one. */
static void describe(const struct mr_names *names, const struct mr_verdict *verdict,
		     const char *last, char *text, size_t size)
{
	const struct mr_failure *failure = &verdict->failure;
	char how[MR_WHERE_MAX], where[MR_WHERE_MAX];

	mr_explain_how(failure, names->config->options.record_timeout_ms, how, sizeof(how));
	mr_explain_where(names, &verdict->id, failure, where, sizeof(where));
	snprintf(text, size, "%s%s%s", failure->cause == MR_CAUSE_CODE && last[0] ? last : how,
		 where[0] ? "; at " : "", where);
}

int mr_explain_verdict(const struct mr_names *names, const struct mr_verdict *verdict,
		       const char *last, struct gw_error *error)
{
	int code = code_of(&verdict->failure);
	char task[MR_WHERE_MAX], text[GW_ERROR_TEXT_MAX + 2 * MR_WHERE_MAX];

	assert(code < 0 && verdict->reason != MR_VERDICT_NONE);
	mr_explain_task(names, verdict->id.kind, verdict->id.task, task, sizeof(task));
	describe(names, verdict, last, text, sizeof(text));
	switch (verdict->reason) {
	case MR_VERDICT_ATTEMPTS:
		return gw_fail(error, code, "%s: given up after %u attempts: %s", task,
			       verdict->id.number + 1, text);
	case MR_VERDICT_BAD_RECORD:
		return gw_fail(error, code,
			       "%s: bad record (--skip-bad-records leaves such out): %s", task,
			       text);
	case MR_VERDICT_SKIPS:
		return gw_fail(error, code, "%s has more than %d bad records: %s", task,
			       MR_SKIPS_MAX, text);
	case MR_VERDICT_SLOTS:
		return gw_fail(error, code, "no process could be started: %s",
			       last[0] ? last : text);
	case MR_VERDICT_MEMORY:
		return gw_fail(error, GW_E_NO_MEMORY, "%s: no memory to look into a failure", task);
	default:
		return gw_fail(error, code, "%s: %s", task, text);
	}
}
