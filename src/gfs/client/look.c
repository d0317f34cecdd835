/* SPDX-License-Identifier: Apache-2.0 */
/* look.c - the calls that read names, and where chunks are. */
#include "gfs/client/client.h"

#include <stdlib.h>

static struct gw_gfs_entry entry_of(const Gfs__Entry *from)
{
	return (struct gw_gfs_entry){
		.name = {from->path.data, from->path.len},
		.id = from->id,
		.kind = from->kind == GFS__KIND__DIRECTORY ? GW_GFS_DIRECTORY : GW_GFS_FILE,
		.mode = from->mode,
		.user = from->user,
		.group = from->group,
		.modified_ms = from->modified_ms,
		.changed_ms = from->changed_ms,
		.length = from->length,
		.chunks = from->chunks,
		.chunk_log2 = from->chunk_log2,
		.goal = from->goal,
		.collect_ms = from->collect_ms,
		.due_ms = from->due_ms,
	};
}

/* ---- Stat ------------------------------------------------------------------------------------ */

static int take_exact(struct gw_gfs_client *client, struct gw_bytes path,
		      struct gw_gfs_stat *stat, struct gw_error *error)
{
	struct gw_gfs_file *file;
	int code = gw_gfs_open(&file, client, path, NULL, error);

	if (code < 0)
		return code;
	code = gw_gfs_file_length(file, &stat->entry.length, error);
	(void)gw_gfs_close(file, NULL);
	return code;
}

int gw_gfs_stat(struct gw_gfs_client *client, struct gw_bytes path, bool exact, bool weak,
		struct gw_gfs_stat *stat, struct gw_error *error)
{
	Gfs__StatRequest request = GFS__STAT_REQUEST__INIT;
	struct gfs_client_call call;
	Gfs__StatReply *reply;
	int code;

	*stat = (struct gw_gfs_stat){0};
	request.path = gfs_client_bytes(path);
	request.weak = weak;
	gfs_client_begin(client, &call);
	do
		code = master_stat(client->masters, &request, &reply, error);
	while (gfs_client_again(&call, code, error));
	if (code == 0 && !reply->entry) {
		gw_rpc_reply_free(reply);
		code = gw_fail(error, GW_E_CORRUPT, "a stat without its entry");
	}
	if (code < 0)
		return gfs_client_end(&call, code);
	stat->entry = entry_of(reply->entry);
	stat->entry.name = (struct gw_bytes){0};
	stat->index = reply->index;
	stat->wall_ms = reply->wall_ms;
	gw_rpc_reply_free(reply);
	if (exact && stat->entry.kind == GW_GFS_FILE)
		code = take_exact(client, path, stat, error);
	return gfs_client_end(&call, code);
}

/* ---- Lists ----------------------------------------------------------------------------------- */

void gw_gfs_page_done(struct gw_gfs_page *page)
{
	if (!page)
		return;
	gw_rpc_reply_free(page->memory);
	free(page->list);
	*page = (struct gw_gfs_page){0};
}

static int take_page(struct gw_gfs_page *page, Gfs__ListReply *reply, struct gw_error *error)
{
	page->memory = reply;
	page->more = reply->more;
	page->index = reply->index;
	page->wall_ms = reply->wall_ms;
	if (reply->n_entries == 0)
		return 0;
	page->entries = page->list = calloc(reply->n_entries, sizeof(*page->entries));
	if (!page->list)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu entries",
			       reply->n_entries);
	page->count = reply->n_entries;
	for (size_t i = 0; i < page->count; i++)
		page->entries[i] = entry_of(reply->entries[i]);
	return 0;
}

typedef int list_call(struct gw_rpc_client *client, const Gfs__ListRequest *request,
		      Gfs__ListReply **reply, struct gw_error *error);

static int list(struct gw_gfs_client *client, list_call *ask, struct gw_bytes path,
		const struct gw_gfs_range *range, struct gw_gfs_page *page, struct gw_error *error)
{
	Gfs__ListRequest request = GFS__LIST_REQUEST__INIT;
	struct gfs_client_call call;
	Gfs__ListReply *reply;
	int code;

	*page = (struct gw_gfs_page){0};
	request.path = gfs_client_bytes(path);
	if (range) {
		request.after = gfs_client_bytes(range->after);
		request.limit = range->limit;
		request.weak = range->weak;
	}
	gfs_client_begin(client, &call);
	do
		code = ask(client->masters, &request, &reply, error);
	while (gfs_client_again(&call, code, error));
	gfs_client_end(&call, code);
	if (code < 0)
		return code;
	code = take_page(page, reply, error);
	if (code < 0)
		gw_gfs_page_done(page);
	return code;
}

int gw_gfs_list(struct gw_gfs_client *client, struct gw_bytes path,
		const struct gw_gfs_range *range, struct gw_gfs_page *page,
		struct gw_error *error)
{
	return list(client, master_list, path, range, page, error);
}

int gw_gfs_list_deleted(struct gw_gfs_client *client, struct gw_bytes path,
			const struct gw_gfs_range *range, struct gw_gfs_page *page,
			struct gw_error *error)
{
	return list(client, master_list_deleted, path, range, page, error);
}

/* ---- Places ---------------------------------------------------------------------------------- */

static struct gw_gfs_place place_of(const Gfs__Place *from)
{
	return from ? (struct gw_gfs_place){from->server, from->address, from->rack}
		    : (struct gw_gfs_place){0, "", ""};
}

void gw_gfs_locations_done(struct gw_gfs_locations *locations)
{
	if (!locations)
		return;
	gw_rpc_reply_free(locations->memory);
	free(locations->list);
	free(locations->places);
	*locations = (struct gw_gfs_locations){0};
}

static int take_locations(struct gw_gfs_locations *locations, Gfs__LocateReply *reply,
			  struct gw_error *error)
{
	struct gw_gfs_place *places;
	size_t count = 0;

	locations->memory = reply;
	locations->id = reply->id;
	locations->length = reply->length;
	locations->chunk_log2 = reply->chunk_log2;
	for (size_t i = 0; i < reply->n_chunks; i++)
		count += reply->chunks[i]->n_places;
	locations->chunks = locations->list = calloc(reply->n_chunks + 1,
						     sizeof(*locations->chunks));
	places = locations->places = calloc(count + 1, sizeof(*places));
	if (!locations->list || !locations->places)
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for %zu chunks",
			       reply->n_chunks);
	for (size_t i = 0; i < reply->n_chunks; i++) {
		const Gfs__Chunk *from = reply->chunks[i];

		locations->chunks[i] =
			(struct gw_gfs_chunk){.index = from->index,
					      .handle = from->handle,
					      .version = from->version,
					      .places = places,
					      .place_count = from->n_places,
					      .source = from->source,
					      .source_version = from->source_version};
		for (size_t j = 0; j < from->n_places; j++)
			*places++ = place_of(from->places[j]);
	}
	locations->count = reply->n_chunks;
	return 0;
}

int gw_gfs_locate(struct gw_gfs_client *client, struct gw_bytes path, uint64_t first,
		  uint32_t count, struct gw_gfs_locations *locations, struct gw_error *error)
{
	Gfs__LocateRequest request = GFS__LOCATE_REQUEST__INIT;
	struct gfs_client_call call;
	Gfs__LocateReply *reply;
	int code;

	*locations = (struct gw_gfs_locations){0};
	request.path = gfs_client_bytes(path);
	request.first = first;
	request.count = count;
	gfs_client_begin(client, &call);
	do
		code = master_locate(client->masters, &request, &reply, error);
	while (gfs_client_again(&call, code, error));
	gfs_client_end(&call, code);
	if (code < 0)
		return code;
	code = take_locations(locations, reply, error);
	if (code < 0)
		gw_gfs_locations_done(locations);
	return code;
}

/* ---- Chunkservers ---------------------------------------------------------------------------- */

void gw_gfs_servers_done(struct gw_gfs_servers *servers)
{
	if (!servers)
		return;
	gw_rpc_reply_free(servers->memory);
	free(servers->list);
	*servers = (struct gw_gfs_servers){0};
}

int gw_gfs_servers(struct gw_gfs_client *client, struct gw_gfs_servers *servers,
		   struct gw_error *error)
{
	Gfs__ServersRequest request = GFS__SERVERS_REQUEST__INIT;
	struct gfs_client_call call;
	Gfs__ServersReply *reply;
	int code;

	*servers = (struct gw_gfs_servers){0};
	gfs_client_begin(client, &call);
	do
		code = master_servers(client->masters, &request, &reply, error);
	while (gfs_client_again(&call, code, error));
	gfs_client_end(&call, code);
	if (code < 0)
		return code;
	servers->memory = reply;
	servers->items = servers->list = calloc(reply->n_servers + 1, sizeof(*servers->items));
	if (!servers->list) {
		gw_gfs_servers_done(servers);
		return gw_fail(error, GW_E_NO_MEMORY, "no memory for a list of servers");
	}
	servers->count = reply->n_servers;
	for (size_t i = 0; i < servers->count; i++) {
		const Gfs__Server *from = reply->servers[i];

		servers->items[i] = (struct gw_gfs_server){
			place_of(from->place), from->lives,  from->draining,
			from->bytes,	       from->bytes_free, from->chunks};
	}
	return 0;
}
