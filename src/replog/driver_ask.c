/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver_ask.c - proposals and read barriers: those who ask wait in lists; one task, which runs
 * behind all that were ready, takes what has gathered into the core, so that what came together
 * shares messages, a write of the disk and a round of heartbeats.
 */
#include "driver.h"

#include "base/little_endian.h"
#include "io/rare.h"

#include <stdlib.h>

/* ---- Lists -------------------------------------------------------------------------------- */

void replog_asks_add(struct replog_asks *list, struct replog_ask *ask)
{
	assert(!ask->list);
	ask->list = list;
	ask->next = NULL;
	ask->previous = list->last;
	if (list->last)
		list->last->next = ask;
	else
		list->first = ask;
	list->last = ask;
	list->count++;
	list->bytes += ask->bytes.size;
}

void replog_asks_remove(struct replog_ask *ask)
{
	struct replog_asks *list = ask->list;

	assert(list && list->count > 0);
	if (ask->previous)
		ask->previous->next = ask->next;
	else
		list->first = ask->next;
	if (ask->next)
		ask->next->previous = ask->previous;
	else
		list->last = ask->previous;
	list->count--;
	list->bytes -= ask->bytes.size;
	ask->list = NULL;
}

void replog_ask_ends(struct replog_ask *ask, int code)
{
	if (ask->list)
		replog_asks_remove(ask);
	ask->stage = REPLOG_OVER;
	ask->code = code;
	rpc_wake(&ask->waiters);
}

void replog_asks_end(struct replog_asks *list, int code)
{
	while (list->first)
		replog_ask_ends(list->first, code);
}

/* What is committed will be applied here; the rest is in other hands now. */
void replog_asks_lose(struct replog *log)
{
	uint64_t commit = raft_commit(log->raft);

	while (log->proposed.last && log->proposed.last->index > commit)
		replog_ask_ends(log->proposed.last, GW_E_OUTCOME_UNKNOWN);
}

/* ---- What the core says ------------------------------------------------------------------- */

void replog_ask_appended(struct replog *log, const struct raft_action *action)
{
	struct replog_ask *ask = log->asking;

	if (!ask) /* the driver's own change */
		return;
	ask->index = action->index;
	ask->term = action->term;
	ask->stage = REPLOG_WAITING;
	replog_asks_add(&log->proposed, ask);
}

static void end_batch(struct replog *log, uint64_t batch, int code, uint64_t index)
{
	struct replog_ask *next;

	for (struct replog_ask *ask = log->asked.first; ask; ask = next) {
		next = ask->next;
		if (ask->batch != batch)
			continue;
		if (code < 0) {
			replog_ask_ends(ask, code);
			continue;
		}
		ask->index = index;
		replog_asks_remove(ask);
		replog_asks_add(&log->readable, ask);
		if (index <= log->applied)
			replog_ask_ends(ask, 0);
	}
}

void replog_ask_refused(struct replog *log, const struct raft_action *action)
{
	if (action->cookie != 0)
		end_batch(log, action->cookie, action->code, 0);
	else if (log->asking)
		replog_ask_ends(log->asking, action->code);
}

void replog_ask_readable(struct replog *log, const struct raft_action *action)
{
	end_batch(log, action->cookie, 0, action->index);
}

/* ---- The task ----------------------------------------------------------------------------- */

static uint64_t stamp(struct replog *log)
{
	int64_t wall_ns = io_wall_ns(log->io);
	uint64_t wall_ms = wall_ns > 0 ? (uint64_t)wall_ns / REPLOG_MS : 0;

	if (wall_ms > log->stamped_ms)
		log->stamped_ms = wall_ms;
	return log->stamped_ms;
}

static int frame(struct replog *log, struct replog_ask *ask)
{
	uint8_t header[REPLOG_ENTRY_HEADER_BYTES] = {REPLOG_ENTRY_VERSION};
	int result;

	base_store64(header + 1, stamp(log));
	log->scratch.size = 0;
	result = base_buffer_append(&log->scratch, header, sizeof header, NULL);
	if (result == 0 && ask->bytes.size > 0)
		result = base_buffer_append(&log->scratch, ask->bytes.data, ask->bytes.size, NULL);
	return result;
}

static void propose(struct replog *log, struct replog_ask *ask)
{
	struct raft_event event = {.kind = RAFT_PROPOSE};
	int result = frame(log, ask);

	replog_asks_remove(ask);
	event.data = base_buffer_bytes(&log->scratch);
	event.more = log->queued.first != NULL;
	log->asking = ask;
	if (result == 0)
		result = replog_step(log, &event);
	log->asking = NULL;
	if (result < 0 && ask->stage == REPLOG_QUEUED)
		replog_ask_ends(ask, result);
}

static void ask_round(struct replog *log)
{
	struct raft_event event = {.kind = RAFT_READ, .cookie = ++log->batch};
	int result;

	while (log->barriers.first) {
		struct replog_ask *ask = log->barriers.first;

		replog_asks_remove(ask);
		ask->batch = event.cookie;
		ask->stage = REPLOG_WAITING;
		replog_asks_add(&log->asked, ask);
	}
	result = replog_step(log, &event);
	if (result < 0)
		end_batch(log, event.cookie, result, 0);
}

int replog_run_asker(void *argument)
{
	struct replog *log = argument;
	int result = 0;

	while (!log->ended && result >= 0) {
		if (!log->queued.first && !log->barriers.first) {
			result = rpc_wait(&log->asker, "for proposals to", replog_name(log),
					  GW_FOREVER);
			continue;
		}
		while (log->queued.first && !log->ended)
			propose(log, log->queued.first);
		if (log->barriers.first && !log->ended)
			ask_round(log);
	}
	/* Cancelled with all else: nobody takes what is asked, and who asks may be shielded. */
	if (!log->ended)
		replog_end(log, result);
	return 0;
}

/* ---- Those who ask -------------------------------------------------------------------------- */

static int explain(const struct replog *log, int code, const char *doing, struct gw_error *error)
{
	const char *text = gw_code_text(code);

	if (code == GW_E_NOT_LEADER)
		text = "this member does not lead";
	else if (code == GW_E_OUTCOME_UNKNOWN)
		text = "leadership was lost; it may happen or not";
	else if (log->ended && log->failed.code)
		text = log->failed.text;
	else if (code == GW_E_NO_SPACE && log->troubles[REPLOG_DISK_FULL].code)
		text = log->troubles[REPLOG_DISK_FULL].text;
	return gw_fail(error, code, "%s: %s: %s", replog_name(log), doing, text);
}

int replog_ask_wait(struct replog *log, struct replog_ask *ask, const char *doing,
		    uint64_t deadline_ns, struct gw_error *error)
{
	int result = 0;

	log->users++;
	rpc_wake(&log->asker);
	while (ask->stage != REPLOG_OVER && result >= 0)
		result = rpc_wait(&ask->waiters, doing, replog_name(log), deadline_ns);
	if (ask->stage == REPLOG_OVER)
		result = ask->code;
	else
		replog_asks_remove(ask); /* it may still happen */
	if (result < 0)
		result = explain(log, result, doing, error);
	log->users--;
	rpc_wake(&log->changed);
	return result;
}

/* Before anything is asked. */
static int check_leader(const struct replog *log, const char *doing, struct gw_error *error)
{
	int result = replog_refused(log, error);

	if (result < 0)
		return result;
	return replog_leads(log) ? 0 : explain(log, GW_E_NOT_LEADER, doing, error);
}

int replog_propose(struct replog *log, struct gw_bytes bytes, uint64_t deadline_ns,
		   struct replog_result *result, struct gw_error *error)
{
	struct replog_ask ask = {.bytes = bytes, .reply = &result->reply};
	const char *doing = "a proposal";
	int code = check_leader(log, doing, error);

	*result = (struct replog_result){0};
	if (code < 0)
		return code;
	if (bytes.size > REPLOG_ENTRY_BYTES_MAX)
		return gw_fail(error, GW_E_TOO_LARGE, "%s: a proposal of %zu bytes",
			       replog_name(log), bytes.size);
	if (log->is_stopping)
		return explain(log, GW_E_NOT_LEADER, doing, error);
	if (log->is_full)
		return explain(log, GW_E_NO_SPACE, doing, error);
	if (log->queued.count + log->proposed.count >= log->options.proposals_max ||
	    bytes.size > log->options.proposal_bytes_max - log->queued.bytes -
				 log->proposed.bytes)
		return explain(log, GW_E_OVERLOADED, doing, error);
	replog_asks_add(&log->queued, &ask);
	code = replog_ask_wait(log, &ask, doing, deadline_ns, error);
	result->index = ask.index;
	result->wall_ms = ask.wall_ms;
	if (code < 0)
		base_buffer_done(&result->reply);
	return code;
}

/* Nobody can have been elected but us, and what was acknowledged was applied here before. */
static bool knows_all(const struct replog *log)
{
	const struct raft_members *members = raft_members(log->raft);
	uint32_t others = 0;

	for (uint32_t i = 0; i < members->count; i++)
		others += members->items[i].votes && members->items[i].id != log->id;
	return others == 0 && raft_member_find(members, log->id) &&
	       log->applied_term == raft_term(log->raft) && !log->is_restoring;
}

int replog_read_barrier(struct replog *log, uint64_t deadline_ns, uint64_t *index,
			struct gw_error *error)
{
	struct replog_ask ask = {0};
	const char *doing = "a read";
	int code = check_leader(log, doing, error);

	if (code < 0)
		return code;
	if (knows_all(log)) {
		if (index)
			*index = log->applied;
		return 0;
	}
	if (log->barriers.count + log->asked.count + log->readable.count >=
	    log->options.reads_max)
		return explain(log, GW_E_OVERLOADED, doing, error);
	replog_asks_add(&log->barriers, &ask);
	code = replog_ask_wait(log, &ask, doing, deadline_ns, error);
	if (index)
		*index = ask.index;
	return code;
}

int replog_wait_applied(struct replog *log, uint64_t index, uint64_t deadline_ns,
			struct gw_error *error)
{
	int result = replog_refused(log, error);

	log->users++;
	while (result >= 0 && log->applied < index) {
		result = rpc_wait(&log->changed, "for an entry of", replog_name(log), deadline_ns);
		if (result < 0)
			result = explain(log, result, "an entry", error);
		else
			result = replog_refused(log, error);
	}
	log->users--;
	rpc_wake(&log->changed);
	return result;
}
