/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grant.c - who may change a chunk: grants and revocations of the masters, and our lease, which
 * ends by our own clock. The rules are those of ../README.md, Leases and versions.
 */
#include "inside.h"

#include "io/rare.h"
#include "rpc/waiting.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Our lease ------------------------------------------------------------------------------- */

bool chunk_server_is_leased(const struct chunk_server *server)
{
	return io_now_ns(server->io) < server->lease_end_ns ||
	       (server->lease_end_ns != 0 && IO_BUG(server->io, "gfs.lease-past-end"));
}

void chunk_server_end_lease(struct chunk_server *server)
{
	struct chunk *chunk;
	bool is_again;

	/* The end of one may wait, and chunks come and go meanwhile: until a walk has met none. */
	do {
		is_again = false;
		for (size_t at = 0; (chunk = chunk_next(server->store, &at));) {
			const struct grant *grant = chunk->grant;

			if (!grant || !grant->is_primary)
				continue;
			grant_end(chunk, UINT64_MAX);
			is_again = true;
		}
	} while (is_again);
}

/* ---- Grants ---------------------------------------------------------------------------------- */

void grant_unref(struct grant *grant)
{
	if (!grant)
		return;
	assert(grant->references > 0);
	if (--grant->references > 0)
		return;
	assert(!grant->first && !grant->changed.first);
	chunk_release(grant->chunk);
	free(grant);
}

void grant_end(struct chunk *chunk, uint64_t version)
{
	struct grant *grant = chunk->grant;

	if (!grant || grant->version > version)
		return;
	chunk->grant = NULL;
	chunk->over_version = grant->version;
	grant->is_over = true;
	rpc_wake(&grant->changed);
	grant_unref(grant);
}

void chunk_server_end_grants(struct chunk_server *server)
{
	struct chunk *chunk;
	bool is_again;

	/* As above. */
	do {
		is_again = false;
		for (size_t at = 0; (chunk = chunk_next(server->store, &at));) {
			is_again |= chunk->grant != NULL;
			grant_end(chunk, UINT64_MAX);
		}
	} while (is_again);
}

int grant_of(struct chunk_server *server, uint64_t handle, uint64_t version, bool as_primary,
	     struct grant **out, struct gw_error *error)
{
	struct chunk *chunk = chunk_find(server->store, handle);
	struct grant *grant = chunk ? chunk->grant : NULL;

	/* Not GW_E_NOT_FOUND, by which clients push their data again. */
	if (!chunk)
		return gw_fail(error, GW_E_STALE, "chunk %llx is not here",
			       (unsigned long long)handle);
	if (!grant || grant->version != version || grant->is_over)
		return gw_fail(error, GW_E_STALE, "chunk %llx is at version %llu, %s for %llu",
			       (unsigned long long)handle, (unsigned long long)chunk->version,
			       "and nothing is granted", (unsigned long long)version);
	if (as_primary && !grant->is_primary)
		return gw_fail(error, GW_E_STALE, "chunk %llx has another primary",
			       (unsigned long long)handle);
	if (as_primary && !chunk_server_is_leased(server))
		return gw_fail(error, GW_E_STALE, "chunk %llx: our lease is over",
			       (unsigned long long)handle);
	grant->references++;
	*out = grant;
	return 0;
}

static int add_secondaries(struct grant *grant, const Gfs__GrantRequest *request,
			   struct gw_error *error)
{
	for (size_t i = 0; i < request->n_set; i++) {
		const Gfs__Place *place = request->set[i];
		struct gfs_place *own = &grant->secondaries[grant->secondary_count];

		if (place->server == request->primary)
			continue;
		if (grant->secondary_count == GFS_GOAL_MAX ||
		    strlen(place->address) > GFS_ADDRESS_BYTES_MAX)
			return gw_fail(error, GW_E_INVALID, "a set of %zu servers", request->n_set);
		own->server = place->server;
		(void)snprintf(own->address, sizeof(own->address), "%s", place->address);
		grant->secondary_count++;
	}
	return 0;
}

static struct gw_bytes handle_key(const uint64_t *handle)
{
	return (struct gw_bytes){handle, sizeof(*handle)};
}

static uint64_t revoked_version(const struct chunk_server *server, uint64_t handle)
{
	return (uint64_t)(uintptr_t)base_map_get(&server->revoked, handle_key(&handle));
}

/* Once it is over it never begins again: numbers of mutations are given once under it. */
static int check_over(const struct chunk_server *server, const Gfs__GrantRequest *request,
		      struct gw_error *error)
{
	const struct chunk *chunk = chunk_find(server->store, request->handle);

	if ((request->version > revoked_version(server, request->handle) &&
	     (!chunk || request->version > chunk->over_version)) ||
	    IO_BUG(server->io, "gfs.granted-again"))
		return 0;
	return gw_fail(error, GW_E_DENIED, "chunk %llx: the grant of version %llu is over",
		       (unsigned long long)request->handle, (unsigned long long)request->version);
}

static int check_grant(struct chunk_server *server, const Gfs__GrantRequest *request,
		       struct gw_error *error)
{
	int result = chunk_server_term(server, request->term, error);

	if (result < 0)
		return result;
	if (request->incarnation != server->incarnation)
		return gw_fail(error, GW_E_BUSY, "a grant for another life of this server");
	if (request->version == 0 || request->n_set == 0)
		return gw_fail(error, GW_E_INVALID, "a grant of nothing");
	return check_over(server, request, error);
}

/* Takes the place of the one before. */
static int install(struct chunk_server *server, struct chunk *chunk,
		   const Gfs__GrantRequest *request, struct gw_error *error)
{
	struct grant *grant = calloc(1, sizeof(*grant));
	int result;

	if (!grant)
		return gw_fail(error, GW_E_NO_MEMORY, "out of memory");
	result = chunk_hold(chunk, error);
	if (result == 0) {
		/* Meanwhile it may have been dropped, or the grant have come and ended. */
		result = chunk->is_partial ? chunk_unknown(chunk->handle, error) :
					     check_grant(server, request, error);
		if (result < 0)
			chunk_release(chunk);
	}
	if (result < 0) {
		free(grant);
		return result;
	}
	*grant = (struct grant){
		.references = 1,
		.chunk = chunk,
		.term = request->term,
		.version = request->version,
		.is_primary = request->primary == chunk_server_number(server),
		.made_ns = io_now_ns(server->io),
		.serial = 1,
		.next = 1,
		.length = chunk->length,
		/* A chunk that was just made is empty everywhere. */
		.is_begun = request->version_before == 0 || request->n_set < 2,
	};
	result = grant->is_primary ? add_secondaries(grant, request, error) : 0;
	/* Another one may have come while it was loaded. */
	if (result == 0 && chunk->grant && ((struct grant *)chunk->grant)->version >=
						   request->version) {
		grant_unref(grant);
		return 0;
	}
	if (result < 0) {
		grant_unref(grant);
		return result;
	}
	grant_end(chunk, request->version);
	chunk->grant = grant;
	return 0;
}

/* What a disk says (it is read-only, a file of it is gone) is not to be taken for what a Grant is
 * refused with. */
static int of_disk(int code, struct gw_error *error)
{
	if (code != GW_E_DENIED && code != GW_E_NOT_FOUND)
		return code;
	if (error)
		error->code = GW_E_IO;
	return GW_E_IO;
}

/* The replica that is to be at the version, made when the chunk is new. */
static int bring_to_version(struct chunk_server *server, const Gfs__GrantRequest *request,
			    struct gw_error *error)
{
	struct chunk *chunk = chunk_find(server->store, request->handle);

	if (!chunk && request->version_before != 0)
		return chunk_unknown(request->handle, error);
	if (!chunk)
		return of_disk(
			chunk_create(server->store, request->handle, (uint8_t)request->chunk_log2,
				     request->version, &chunk, error),
			error);
	if (chunk->is_bad || chunk->is_suspect || chunk->is_partial)
		return gw_fail(error, GW_E_CORRUPT, "chunk %llx is not to be relied on here",
			       (unsigned long long)request->handle);
	if (chunk->version > request->version)
		return gw_fail(error, GW_E_DENIED, "chunk %llx is at version %llu already",
			       (unsigned long long)request->handle,
			       (unsigned long long)chunk->version);
	if (chunk->version < request->version_before && !IO_BUG(server->io, "gfs.stale-granted"))
		return gw_fail(error, GW_E_STALE, "chunk %llx is at version %llu, not %llu",
			       (unsigned long long)request->handle,
			       (unsigned long long)chunk->version,
			       (unsigned long long)request->version_before);
	/* What is under way under the old one ends before the new version is told. */
	if (chunk->version < request->version)
		grant_end(chunk, request->version - 1);
	if (chunk->version == request->version && chunk->is_open && !chunk->log_is_doubtful)
		return 0;
	return of_disk(chunk_grant(chunk, request->version, error), error);
}

/* A Grant that comes while our lease is over may have been long on its way, and its version been
 * waited out. With the lease comes what was revoked, or the term of another master: then it is
 * known whether it still counts. */
static int await_lease(struct chunk_server *server, const Gfs__GrantRequest *request,
		       uint64_t deadline_ns, struct gw_error *error)
{
	int result = check_grant(server, request, error);

	if (request->primary != chunk_server_number(server))
		return result;
	while (result == 0 && !chunk_server_is_leased(server)) {
		IO_PROBE(server->io, "gfs.grant-awaits-lease");
		result = rpc_wait(&server->leased, "for", "a lease", deadline_ns);
		result = result < 0 ? gw_fail(error, result, "chunk %llx: our lease is over",
					      (unsigned long long)request->handle)
				    : check_grant(server, request, error);
	}
	return result;
}

int chunk_serve_grant(struct gw_rpc_call *call, void *context, const Gfs__GrantRequest *request,
		      Gfs__GrantReply *reply, struct gw_error *error)
{
	struct chunk_server *server = context;
	struct chunk *chunk;
	int result = await_lease(server, request, gw_rpc_call_deadline(call), error);

	if (result == 0)
		result = bring_to_version(server, request, error);
	/* A Revoke may have come meanwhile. */
	if (result == 0)
		result = check_grant(server, request, error);
	if (result == 0) {
		/* Nor may it have been dropped. */
		chunk = chunk_find(server->store, request->handle);
		result = chunk ? install(server, chunk, request, error)
			       : chunk_unknown(request->handle, error);
	}
	if (result == 0)
		(void)base_map_remove(&server->revoked, handle_key(&request->handle), NULL);
	chunk = chunk_find(server->store, request->handle);
	reply->version = chunk ? chunk->version : 0;
	reply->length = chunk ? chunk->length : 0;
	return result;
}

/* What was revoked is forgotten by another life: masters know of it that nothing lasts, and what is
 * on its way to the one before is refused. */
static void begin_life(struct chunk_server *server)
{
	uint64_t before = server->incarnation;

	chunk_server_end_grants(server);
	while (server->incarnation == before) {
		io_random(server->io, &server->incarnation, sizeof(server->incarnation));
		server->incarnation |= 1;
	}
	server->lease_end_ns = 0;
	base_map_done(&server->revoked);
	IO_PROBE(server->io, "gfs.life-for-revokes");
}

/* Grants of an older term are refused by it. */
static void forget_revoked(struct chunk_server *server)
{
	uint64_t term = chunk_store_home(server->store)->term;

	if (server->revoked_term == term)
		return;
	base_map_done(&server->revoked);
	server->revoked_term = term;
}

int chunk_server_revoke(struct chunk_server *server, uint64_t handle, uint64_t version,
			struct gw_error *error)
{
	struct chunk *chunk = chunk_find(server->store, handle);

	if (chunk)
		grant_end(chunk, version);
	forget_revoked(server);
	if (version <= revoked_version(server, handle))
		return 0;
	if (server->revoked.count >= CHUNK_REVOKED_MAX) {
		begin_life(server);
		return 0;
	}
	return base_map_put(&server->revoked, handle_key(&handle), (void *)(uintptr_t)version,
			    error);
}

int chunk_serve_revoke(struct gw_rpc_call *call, void *context, const Gfs__RevokeRequest *request,
		       Gfs__GrantReply *reply, struct gw_error *error)
{
	struct chunk_server *server = context;
	struct chunk *chunk;
	int result = chunk_server_term(server, request->term, error);

	(void)call;
	if (result == 0)
		result = chunk_server_revoke(server, request->handle, request->version, error);
	chunk = chunk_find(server->store, request->handle);
	reply->version = chunk ? chunk->version : 0;
	reply->length = chunk ? chunk->length : 0;
	return result;
}
