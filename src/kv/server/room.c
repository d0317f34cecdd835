/* SPDX-License-Identifier: Apache-2.0 */
/* room.c - see room.h. */
#include "kv/server/room.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Those that write a page that is changed to another place, which may not be there any more. */
static bool writes_elsewhere(const struct statfs *of)
{
	static const unsigned long kinds[] = {
		0x9123683e, /* btrfs */
		0x2fc12fc1, /* ZFS */
		0xca451a4e, /* bcachefs */
		0x3434,     /* NILFS */
		0xf2f52010, /* F2FS */
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (((unsigned long)of->f_type & 0xffffffff) == kinds[i])
			return true;
	return false;
}

static int retried(int file, int mode, off_t from, off_t bytes)
{
	int result;

	do
		result = fallocate(file, mode, from, bytes);
	while (result != 0 && errno == EINTR);
	return result == 0 ? 0 : errno;
}

int kv_room_begin(const char *path, uint64_t bytes, bool *lasts, struct gw_error *error)
{
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), code = 0;
	struct statfs of;

	*lasts = false;
	if (file < 0)
		return gw_fail_errno(error, errno, "%s", path);
	if (fstatfs(file, &of) != 0)
		code = errno;
	else if (!writes_elsewhere(&of))
		code = retried(file, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes);
	else
		code = EOPNOTSUPP;
	(void)close(file);
	if (code == EOPNOTSUPP || code == ENOSYS)
		return 0;
	if (code != 0)
		return gw_fail_errno(error, code, "%s", path);
	*lasts = true;
	return 0;
}

int kv_room_make(int file, uint64_t from, uint64_t to)
{
	assert(from < to);
	return retried(file, 0, (off_t)from, (off_t)(to - from));
}
