/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.c - see driver.h: a log opened, started, stopped; one step of the core, its actions.
 */
#include "driver.h"

#include "base/allocate.h"
#include "io/rare.h"

#include <stdio.h>
#include <stdlib.h>

const char *replog_name(const struct replog *log)
{
	return log->options.name;
}

int replog_refused(const struct replog *log, struct gw_error *error)
{
	if (!log->ended)
		return 0;
	if (!log->failed.code)
		return gw_fail(error, log->ended, "%s: the log is closed", replog_name(log));
	if (error)
		*error = log->failed;
	return log->failed.code;
}

/* ---- The end -------------------------------------------------------------------------------- */

void replog_end(struct replog *log, int code)
{
	struct replog_ask *ask;

	log->ended = code;
	replog_asks_end(&log->queued, code);
	replog_asks_end(&log->proposed, GW_E_OUTCOME_UNKNOWN);
	replog_asks_end(&log->barriers, code);
	replog_asks_end(&log->asked, code);
	while ((ask = log->readable.first))
		replog_ask_ends(ask, ask->reply ? GW_E_OUTCOME_UNKNOWN : code);
	rpc_wake(&log->ticker);
	rpc_wake(&log->disk);
	rpc_wake(&log->applier);
	rpc_wake(&log->asker);
	rpc_wake(&log->maker);
	rpc_wake(&log->fetcher);
	rpc_wake(&log->changed);
	replog_peers_end(log);
}

int replog_fail(struct replog *log, const struct gw_error *error)
{
	assert(error->code < 0);
	if (log->ended)
		return log->ended;
	log->failed = *error;
	IO_PROBE(log->io, "replog.stepped-aside");
	replog_end(log, error->code);
	if (log->machine.role_changed && log->is_started)
		log->machine.role_changed(log->context);
	if (log->options.failed && !log->is_told) {
		log->is_told = true;
		log->options.failed(log->context, &log->failed);
	}
	return log->failed.code;
}

/* ---- Actions ------------------------------------------------------------------------------ */

static void save(struct replog *log, const struct raft_action *action)
{
	struct gw_error error = {0};

	if (replog_store_add(log->store, log->raft, action, &error) < 0) {
		replog_fail(log, &error);
		return;
	}
	log->added = action->number;
	for (uint64_t i = 0; action->kind == RAFT_SAVE_ENTRIES && i < action->count; i++) {
		const struct raft_entry *entry = raft_log_entry(log->raft, action->index + i);
		uint64_t wall_ms;

		if (replog_entry_wall_ms(entry, &wall_ms) && wall_ms > log->stamped_ms)
			log->stamped_ms = wall_ms;
	}
	rpc_wake(&log->disk);
}

static void post(struct replog *log, const struct raft_action *action)
{
	struct replog_outgoing *outgoing = replog_outgoing_new(&action->message);

	if (!outgoing)
		return; /* as if the network had lost it */
	outgoing->after = action->number;
	if (action->number > 0)
		replog_hold(log, outgoing);
	else
		replog_peer_send(log, outgoing);
}

static void fetch(struct replog *log, const struct raft_action *action)
{
	log->fetch_from = action->leader;
	log->fetch = *action->snapshot;
	rpc_wake(&log->fetcher);
}

static void act(struct replog *log, const struct raft_action *action)
{
	switch (action->kind) {
	case RAFT_SAVE_STATE:
	case RAFT_SAVE_ENTRIES:
		save(log, action);
		break;
	case RAFT_SEND:
		post(log, action);
		break;
	case RAFT_APPLY:
		rpc_wake(&log->applier);
		break;
	case RAFT_APPENDED:
		replog_ask_appended(log, action);
		break;
	case RAFT_REFUSED:
		replog_ask_refused(log, action);
		break;
	case RAFT_READABLE:
		replog_ask_readable(log, action);
		break;
	case RAFT_ROLE_CHANGED:
		log->role_changed = true;
		if (action->role != RAFT_LEADER)
			replog_asks_lose(log);
		break;
	default:
		assert(action->kind == RAFT_FETCH);
		fetch(log, action);
		break;
	}
}

int replog_step(struct replog *log, struct raft_event *event)
{
	struct gw_error error = {0};
	struct raft_action action;
	int result;

	assert(!log->is_stepping);
	if (log->ended)
		return log->ended;
	event->now_ns = io_now_ns(log->io);
	result = raft_step(log->raft, event, &error);
	if (result < 0)
		return result;
	log->is_stepping = true;
	while (raft_next_action(log->raft, &action)) {
		if (!log->ended)
			act(log, &action);
	}
	log->is_stepping = false;
	if (log->ended)
		return log->ended;
	if (raft_wake_ns(log->raft) < log->tick_ns)
		rpc_wake(&log->ticker);
	if (log->role_changed) {
		log->role_changed = false;
		rpc_wake(&log->changed);
		if (log->machine.role_changed)
			log->machine.role_changed(log->context);
	}
	return 0;
}

int replog_tick(void *argument)
{
	struct replog *log = argument;
	struct raft_event event = {.kind = RAFT_TICK};
	int result = 0;

	while (!log->ended && result >= 0) {
		log->tick_ns = raft_wake_ns(log->raft);
		if (log->tick_ns > io_now_ns(log->io)) {
			result = rpc_wait(&log->ticker, "for the time of", replog_name(log),
					  log->tick_ns);
			if (result == GW_E_TIMEOUT)
				result = 0;
			continue;
		}
		if (replog_step(log, &event) < 0)
			result = gw_sleep_ms(1); /* no memory: it is tried again */
		replog_promote(log);
	}
	return 0;
}

/* ---- Opening ------------------------------------------------------------------------------ */

enum { TEXTS = 5 };

static void texts_of(struct replog_options *options, const char **texts[TEXTS])
{
	texts[0] = &options->name;
	texts[1] = &options->directory;
	texts[2] = &options->address;
	texts[3] = &options->join;
	texts[4] = &options->peer_role;
}

#define DEFAULT(field, value)        \
	do {                         \
		if ((field) == 0)    \
			(field) = (value); \
	} while (0)

static int copy_options(struct replog *log, const struct replog_options *given,
			struct gw_error *error)
{
	struct replog_options *own = &log->options;
	const char **texts[TEXTS];

	*own = *given;
	if (!own->name)
		own->name = own->directory;
	if (!own->address)
		own->address = "";
	texts_of(own, texts);
	if (!base_copy_texts(texts, TEXTS))
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a log");
	DEFAULT(own->election_ms, REPLOG_ELECTION_MS);
	DEFAULT(own->heartbeat_ms, REPLOG_HEARTBEAT_MS);
	DEFAULT(own->snapshot_bytes, REPLOG_SNAPSHOT_BYTES);
	DEFAULT(own->keep_entries, REPLOG_KEEP_ENTRIES);
	DEFAULT(own->keep_bytes, REPLOG_KEEP_BYTES);
	DEFAULT(own->proposals_max, REPLOG_PROPOSALS_MAX);
	DEFAULT(own->proposal_bytes_max, REPLOG_PROPOSAL_BYTES_MAX);
	DEFAULT(own->reads_max, REPLOG_READS_MAX);
	if (strlen(own->address) >= RAFT_ADDRESS_MAX)
		return gw_fail(error, GW_E_INVALID, "%s: the address is too long", own->address);
	if (own->heartbeat_ms >= own->election_ms)
		return gw_fail(error, GW_E_INVALID, "%s: a heartbeat each %u ms is too seldom",
			       own->name, (unsigned)own->heartbeat_ms);
	return 0;
}

/* A directory that is not one yet: a new cluster of one, or a member of another. */
static int found(struct replog *log, struct gw_error *error)
{
	struct replog_identity identity = {.member = 1};
	struct raft_member member = {.id = 1, .votes = true};
	int result;

	if (log->options.join) {
		result = replog_join(log, &identity, error);
	} else {
		io_random(log->io, identity.cluster, sizeof identity.cluster);
		snprintf(member.address, sizeof member.address, "%s", log->options.address);
		result = raft_member_add(&identity.members, &member);
	}
	return result < 0 ? result
			  : replog_store_create(log->options.directory, &identity, error);
}

static int make_core(struct replog *log, const struct replog_recovered *recovered,
		     struct gw_error *error)
{
	struct raft_setup setup = {
		.id = log->id,
		.now_ns = io_now_ns(log->io),
		.election_ns = log->options.election_ms * REPLOG_MS,
		.heartbeat_ns = log->options.heartbeat_ms * REPLOG_MS,
		.lease = log->options.lease,
		.term = recovered->term,
		.vote = recovered->vote,
		.snapshot = recovered->snapshot,
		.entries = recovered->entries,
		.entry_count = recovered->entry_count,
		.rare = log->io->rare,
	};

	io_random(log->io, &setup.seed, sizeof setup.seed);
	return raft_new(&log->raft, &setup, error);
}

/* A member elsewhere would be heard by nobody. One alone may move. */
static int check_address(const struct replog *log, struct gw_error *error)
{
	const struct raft_members *members = raft_members(log->raft);
	const struct raft_member *own = raft_member_find(members, log->id);
	const char *address = log->options.address;

	if (!own || members->count < 2 || !own->address[0] || strcmp(own->address, address) == 0)
		return 0;
	return gw_fail(error, GW_E_INVALID,
		       "%s: this directory is that of member %llu at %s, and this is %s: a wrong "
		       "directory, or one that has moved and has to be replaced",
		       replog_name(log), (unsigned long long)log->id, own->address,
		       address[0] ? address : "no address");
}

/* The time of the last proposal up to index; `otherwise` if there is none in the log. */
static uint64_t time_at(const struct replog *log, uint64_t index, uint64_t otherwise)
{
	const struct raft_entry *entry;
	uint64_t wall_ms;

	while ((entry = raft_log_entry(log->raft, index--))) {
		if (replog_entry_wall_ms(entry, &wall_ms))
			return wall_ms > otherwise ? wall_ms : otherwise;
	}
	return otherwise;
}

static int recover(struct replog *log, struct gw_error *error)
{
	struct replog_store_options options = {.segment_bytes = log->options.segment_bytes};
	struct replog_recovered recovered;
	struct replog_identity identity;
	int result = replog_store_identity(log->options.directory, &identity, error);

	if (result == GW_E_NOT_FOUND)
		result = found(log, error);
	if (result == 0)
		result = replog_store_open(&log->store, log->options.directory, &options,
					   &recovered, error);
	if (result < 0)
		return result;
	log->id = recovered.identity.member;
	result = make_core(log, &recovered, error);
	replog_recovered_done(&recovered);
	if (result == 0)
		result = check_address(log, error);
	if (result < 0)
		return result;
	if (log->machine.applied)
		log->applied = log->machine.applied(log->context);
	if (raft_log_entry(log->raft, log->applied))
		log->applied_term = raft_log_entry(log->raft, log->applied)->term;
	result = replog_restore(log, error);
	log->wall_ms = time_at(log, log->applied, log->wall_ms);
	log->stamped_ms = time_at(log, raft_last_index(log->raft), log->wall_ms);
	return result;
}

int replog_open(struct replog **made, const struct replog_options *options,
		const struct replog_machine *machine, void *context, struct gw_error *error)
{
	struct replog *log = calloc(1, sizeof *log);
	int result;

	assert(options->directory && machine->apply && machine->freeze && machine->read_piece &&
	       machine->thaw && machine->restore_begin && machine->restore_piece &&
	       machine->restore_end);
	if (!log)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a log");
	log->io = task_io();
	log->machine = *machine;
	log->context = context;
	log->scratch.size_max = REPLOG_ENTRY_BYTES_MAX + REPLOG_ENTRY_HEADER_BYTES;
	result = copy_options(log, options, error);
	if (result == 0)
		result = recover(log, error);
	if (result < 0) {
		replog_free(log);
		return result;
	}
	*made = log;
	return 0;
}

/* ---- Running ------------------------------------------------------------------------------ */

static bool is_alone(const struct replog *log)
{
	const struct raft_members *members = raft_members(log->raft);
	uint32_t voters = 0;
	bool own = false;

	for (uint32_t i = 0; i < members->count; i++) {
		voters += members->items[i].votes;
		own = own || (members->items[i].votes && members->items[i].id == log->id);
	}
	return own && voters == 1;
}

static int lead_at_once(struct replog *log, struct gw_error *error)
{
	struct raft_event event = {.kind = RAFT_CAMPAIGN};
	struct replog_state state;
	int result = replog_step(log, &event);

	for (;;) {
		replog_state(log, &state);
		if (result < 0 || state.ready)
			break;
		result = rpc_wait(&log->changed, "for the start of", replog_name(log), GW_FOREVER);
		if (result == 0)
			result = replog_refused(log, error);
	}
	return result < 0 && !log->ended
		       ? gw_fail(error, result, "%s: the start was given up", replog_name(log))
		       : result;
}

int replog_start(struct replog *log, struct gw_error *error)
{
	static const struct {
		const char *name;
		gw_task_function *run;
	} tasks[] = {
		{"replog time", replog_tick},      {"replog disk", replog_run_disk},
		{"replog apply", replog_run_machine}, {"replog ask", replog_run_asker},
		{"replog snapshot", replog_run_maker}, {"replog fetch", replog_run_fetcher},
	};
	uint64_t deadline_ns = gw_deadline_set(GW_FOREVER);
	int result = 0;

	assert(!log->is_started);
	log->is_started = true;
	log->tick_ns = GW_FOREVER;
	for (size_t i = 0; i < sizeof tasks / sizeof *tasks && result == 0; i++) {
		struct gw_spawn_options options = {.name = tasks[i].name};

		result = gw_spawn(&log->group, tasks[i].run, log, &options);
	}
	(void)gw_deadline_set(deadline_ns);
	if (result < 0)
		return gw_fail(error, result, "%s: no task can be started", replog_name(log));
	return is_alone(log) ? lead_at_once(log, error) : 0;
}

/* Asks again until somebody else leads. */
static void hand_over(struct replog *log, uint64_t deadline_ns)
{
	int result = 0;

	while (result == 0 && replog_leads(log) && !is_alone(log)) {
		struct raft_event event = {.kind = RAFT_HAND_OVER};
		uint64_t at_ns = gw_after_ms(log->options.heartbeat_ms);

		if (replog_step(log, &event) < 0)
			return;
		result = rpc_wait(&log->changed, "for another leader of", replog_name(log),
				  at_ns < deadline_ns ? at_ns : deadline_ns);
		if (result == GW_E_TIMEOUT && at_ns < deadline_ns && gw_deadline() > at_ns)
			result = 0;
	}
}

void replog_stop(struct replog *log, uint64_t deadline_ns)
{
	int result = 0;

	log->is_stopping = true;
	while (result == 0 && !log->ended && (log->queued.first || log->proposed.first))
		result = rpc_wait(&log->changed, "for proposals of", replog_name(log),
				  deadline_ns);
	if (result == 0)
		hand_over(log, deadline_ns);
}

void replog_free(struct replog *log)
{
	const char **texts[TEXTS];

	if (!log)
		return;
	gw_shield_begin();
	replog_end(log, log->ended ? log->ended : GW_E_CANCELLED);
	(void)gw_group_done(&log->group);
	while (log->users > 0)
		(void)rpc_wait(&log->changed, "for those who use", replog_name(log), GW_FOREVER);
	replog_store_close(log->store);
	gw_shield_end();
	for (size_t i = 0; i < REPLOG_PEERS_MAX; i++)
		replog_queue_done(&log->peers[i].queue);
	replog_queue_done(&log->held);
	base_buffer_done(&log->reply);
	base_buffer_done(&log->scratch);
	raft_free(log->raft);
	texts_of(&log->options, texts);
	base_free_texts(texts, TEXTS);
	free(log);
}
