/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - inputs, temporary files and outputs as the engine sees them. One implementation today,
 * local files (store_local.c); the cluster's file system is to be another. All calls are
 * synchronous. A file belongs to the process that opened it and is ended with mr_file_close (NULL
 * is fine).
 */
#ifndef MR_STORE_H
#define MR_STORE_H

#include <groundwork/base.h>

struct mr_store;
struct mr_file;

/* One entry of mr_store_list. */
struct mr_entry {
	const char *path; /* as long-lived as the list */
	uint64_t size;
	bool is_directory;
	bool is_readable; /* this process may open it */
};

typedef int mr_entry_function(void *context, const struct mr_entry *entry, struct gw_error *error);

/* Where a byte range lives; a local file has no locations (the host is this one). */
struct mr_location {
	const char *host;
	uint64_t offset, size;
};

struct mr_store_operations {
	/* Opens for reading. A directory, a missing or an unreadable file is an error that names
	 * it. */
	int (*open)(struct mr_store *store, const char *path, struct mr_file **file,
		    struct gw_error *error);
	int (*size)(struct mr_file *file, uint64_t *size, struct gw_error *error);
	/* Reads exactly size bytes; fewer are left: GW_E_TRUNCATED. */
	int (*read_at)(struct mr_file *file, uint64_t offset, void *data, size_t size,
		       struct gw_error *error);
	/* The range as memory, resident if it can be; valid until unmap, also when the file has
	 * been closed (a split may have more files than a process may hold open). NULL here: the
	 * store has no such memory, read_at has to do. GW_E_TRUNCATED when the file is shorter; if
	 * it shrinks later, reading the memory raises SIGBUS. */
	int (*map)(struct mr_file *file, uint64_t offset, size_t size, struct gw_bytes *bytes,
		   struct gw_error *error);
	void (*unmap)(struct mr_store *store, struct gw_bytes bytes);
	/* At most max locations of the range, returns how many. */
	int (*locations)(struct mr_file *file, uint64_t offset, uint64_t size,
			 struct mr_location *locations, size_t max, struct gw_error *error);
	/* A new private file (mode 0600) at path, which must not exist, open for reading and
	 * writing. */
	int (*create_temp)(struct mr_store *store, const char *path, struct mr_file **file,
			   struct gw_error *error);
	/* Opens such a file again, for reading and writing, in any process of the job. */
	int (*open_temp)(struct mr_store *store, const char *path, struct mr_file **file,
			 struct gw_error *error);
	/* Writes all of it; several processes may write to disjoint ranges of one file. */
	int (*write_at)(struct mr_file *file, uint64_t offset, const void *data, size_t size,
			struct gw_error *error);
	/* Appends to what was there when this process opened the file and what it has appended
	 * since; *offset (if not NULL) says where it begins. */
	int (*append)(struct mr_file *file, const void *data, size_t size, uint64_t *offset,
		      struct gw_error *error);
	/* The descriptor of a temporary file, for user code that writes to it; the file's own. */
	int (*descriptor)(struct mr_file *file);
	void (*close)(struct mr_file *file);
	/* Makes a temporary file or directory visible under its name: atomic, never over another.
	 * It and what is in it get the permissions that the process gives to new files. */
	int (*commit)(struct mr_store *store, const char *temporary, const char *path,
		      struct gw_error *error);
	/* A new private directory (mode 0700); its parent exists. */
	int (*make_directory)(struct mr_store *store, const char *path, struct gw_error *error);
	/* Removes a file, or a directory with all that is in it; absent is fine. */
	int (*remove)(struct mr_store *store, const char *path, struct gw_error *error);
	/* Calls function for path itself if it is a file (a link to one too), or for the regular
	 * files and directories in it, sorted by name. Links in a directory are not followed. */
	int (*list)(struct mr_store *store, const char *path, mr_entry_function *function,
		    void *context, struct gw_error *error);
};

/* Every implementation begins with this; so does every mr_file with a pointer to its store. */
struct mr_store {
	const struct mr_store_operations *operations;
};

struct mr_file {
	struct mr_store *store;
};

/* Local files. The object is static-sized: the caller owns it, nothing has to be freed. */
void mr_store_local_init(struct mr_store *store);

static inline void mr_file_close(struct mr_file *file)
{
	if (file)
		file->store->operations->close(file);
}

#endif
