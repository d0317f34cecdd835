/* SPDX-License-Identifier: Apache-2.0 */
/* chunk_user_model.c - what chunks are to have; see chunk_user.h. */
#include "sim/chunk_user.h"

#include <assert.h>
#include <stdio.h>

void chunk_user_wrong(struct chunk_user *user, const char *format, ...)
{
	char sentence[GW_ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	if (vsnprintf(sentence, sizeof(sentence), format, arguments) < 0)
		sentence[0] = '\0';
	va_end(arguments);
	user->wrong(user->context, sentence);
}

void chunk_user_fill(const struct chunk_user_deed *deed, uint8_t *bytes)
{
	for (uint32_t i = 0; i < deed->size; i++)
		bytes[i] = (uint8_t)(deed->salt + i * 7 + (i >> 8));
}

uint32_t chunk_user_content(const struct chunk_user_known *known, uint32_t count,
			    uint8_t bytes[CHUNK_USER_BYTES])
{
	uint32_t length = known->base_length;

	assert(count <= known->deed_count);
	if (bytes != known->base)
		memcpy(bytes, known->base, CHUNK_USER_BYTES);
	for (uint32_t i = 0; i < count; i++) {
		const struct chunk_user_deed *deed = &known->deeds[i];

		if (deed->what == CHUNK_WRITE)
			chunk_user_fill(deed, bytes + deed->offset);
		else if (deed->what == CHUNK_CUT && deed->offset < length)
			memset(bytes + deed->offset, 0, length - deed->offset);
		if (deed->what == CHUNK_CUT ? deed->offset < length :
					      deed->offset + deed->size > length)
			length = deed->offset + deed->size;
	}
	return length;
}

void chunk_user_synced(struct chunk_user_known *known)
{
	known->base_length = chunk_user_content(known, known->deed_count, known->base);
	known->deed_count = known->acknowledged = 0;
	known->turns++;
}

void chunk_user_settle(struct chunk_user_known *known, uint32_t count)
{
	assert(count <= known->deed_count);
	known->turns += count < known->deed_count;
	known->deed_count = known->acknowledged = count;
}
