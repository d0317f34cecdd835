/* SPDX-License-Identifier: Apache-2.0 */
/* raft_members.c - sets of members and their bytes. */
#include "base/little_endian.h"
#include "replog/raft.h"

#include <assert.h>
#include <string.h>

enum { MEMBERS_VERSION = 1 };

static uint32_t place_of(const struct raft_members *members, uint64_t id)
{
	uint32_t at = 0;

	assert(members->count <= RAFT_MEMBERS_MAX);
	while (at < members->count && members->items[at].id < id)
		at++;
	return at;
}

const struct raft_member *raft_member_find(const struct raft_members *members, uint64_t id)
{
	uint32_t at = place_of(members, id);

	return at < members->count && members->items[at].id == id ? &members->items[at] : NULL;
}

int raft_member_add(struct raft_members *members, const struct raft_member *member)
{
	uint32_t at = place_of(members, member->id);

	if (at < members->count && members->items[at].id == member->id)
		return GW_E_EXISTS;
	if (members->count == RAFT_MEMBERS_MAX)
		return GW_E_TOO_LARGE;
	memmove(&members->items[at + 1], &members->items[at],
		(members->count - at) * sizeof members->items[0]);
	members->items[at] = *member;
	members->count++;
	return 0;
}

int raft_member_remove(struct raft_members *members, uint64_t id)
{
	uint32_t at = place_of(members, id);

	if (at == members->count || members->items[at].id != id)
		return GW_E_NOT_FOUND;
	members->count--;
	memmove(&members->items[at], &members->items[at + 1],
		(members->count - at) * sizeof members->items[0]);
	return 0;
}

size_t raft_members_encode(const struct raft_members *members, uint8_t out[RAFT_MEMBERS_BYTES_MAX])
{
	uint8_t *at = out + 8;

	assert(members->count <= RAFT_MEMBERS_MAX);
	base_store32(out, MEMBERS_VERSION);
	base_store32(out + 4, members->count);
	for (uint32_t i = 0; i < members->count; i++) {
		const struct raft_member *member = &members->items[i];
		size_t length = strnlen(member->address, RAFT_ADDRESS_MAX - 1);

		base_store64(at, member->id);
		assert(!member->votes || !member->standby);
		at[8] = member->votes ? 1 : member->standby ? 2 : 0;
		at[9] = (uint8_t)length;
		memcpy(at + 10, member->address, length);
		at += 10 + length;
	}
	assert(at - out <= RAFT_MEMBERS_BYTES_MAX);
	return (size_t)(at - out);
}

static int corrupt(struct gw_error *error)
{
	return gw_fail(error, GW_E_CORRUPT, "the members of a log entry cannot be read");
}

int raft_members_decode(struct gw_bytes in, struct raft_members *members, struct gw_error *error)
{
	const uint8_t *at = in.data;
	size_t left = in.size;
	uint32_t count;

	*members = (struct raft_members){0};
	if (left < 8)
		return corrupt(error);
	if (base_load32(at) != MEMBERS_VERSION)
		return gw_fail(error, GW_E_VERSION, "members of version %u", base_load32(at));
	count = base_load32(at + 4);
	if (count > RAFT_MEMBERS_MAX)
		return corrupt(error);
	at += 8;
	left -= 8;
	for (uint32_t i = 0; i < count; i++) {
		struct raft_member *member = &members->items[i];

		if (left < 10 || at[8] > 2 || at[9] >= RAFT_ADDRESS_MAX || at[9] > left - 10 ||
		    memchr(at + 10, 0, at[9]))
			return corrupt(error);
		member->id = base_load64(at);
		member->votes = at[8] == 1;
		member->standby = at[8] == 2;
		memcpy(member->address, at + 10, at[9]);
		if (member->id == 0 || (i > 0 && member->id <= members->items[i - 1].id))
			return corrupt(error);
		left -= 10u + at[9];
		at += 10 + at[9];
		members->count++;
	}
	return left == 0 ? 0 : corrupt(error);
}
