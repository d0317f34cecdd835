/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk.h - a node's disk: what its files hold now (the page cache's view) and what a power loss
 * would leave of that.
 *
 * Contents. A file is pages of eight sectors. A sector that was written since the last sync is
 * dirty, and `durable` holds what the disk has of it; after a failed sync it is lost: the program
 * still reads the new bytes, no later sync writes them. Each dirty sector is the power loss's to
 * keep, drop or tear.
 *
 * Names. A directory has two lists of entries, current and durable. A change (create, rename,
 * unlink, mkdir, rmdir) is made in the current one and kept in the journal until the directory is
 * synced; a power loss takes some of the journal and forgets the rest, a change that builds on a
 * forgotten one with it. A rename is one change of two entries.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "inside.h"

enum {
	PAGE_BYTES = 4096,
	PAGE_SECTORS = PAGE_BYTES / SIM_SECTOR_BYTES,
	LEAF_PAGES = 512,
	NAME_BYTES_MAX = 255,
	JOURNAL_CHANGES_MAX = 4096, /* older ones have reached the disk by themselves */
};

static const uint64_t file_bytes_max = UINT64_C(1) << 40;

struct page {
	uint8_t *current;
	uint8_t *durable; /* of dirty and lost sectors; NULL when there are none */
	struct page *next_dirty;
	uint64_t index;
	uint8_t dirty, lost, damaged; /* a bit a sector */
	bool listed;                  /* in the dirty list */
	bool hole;                    /* punched: freed by the next sync if it is still zero */
};

struct leaf {
	struct page *pages[LEAF_PAGES];
	uint64_t reserved[LEAF_PAGES / 64]; /* preallocated, no page yet */
};

enum inode_type { INODE_FILE, INODE_DIRECTORY, INODE_SOCKET };

struct entry {
	char *name; /* owned, with a NUL */
	size_t size;
	struct inode *inode;
};

struct names {
	struct entry *entries; /* sorted by the bytes of the names */
	size_t count, capacity;
};

struct inode {
	struct inode *next, *previous; /* all of the disk */
	struct disk *disk;
	enum inode_type type;
	uint32_t references, links, opens; /* links: of current entries */
	bool locked;
	uint64_t size, durable_size;
	bool size_dirty;
	struct leaf **leaves;
	size_t leaf_count;
	uint64_t page_count; /* with reserved ones */
	struct page *dirty;
	struct names current, durable; /* of a directory */
};

struct change {
	struct inode *directory;
	char *name;
	size_t name_size;
	struct inode *to; /* NULL: the name is gone */
};

struct journal_entry {
	struct change changes[2];
	uint32_t count;
	bool moves_directory;
};

struct fail_rule {
	uint32_t mask;
	uint64_t wait, times; /* wait 0: no rule */
	int os_error;
};

struct disk {
	struct sim_node *node;
	struct sim_disk faults;
	struct inode *inodes, *root;
	struct journal_entry *journal;
	size_t journal_count, journal_capacity;
	uint64_t used_pages, used_files;
	struct fail_rule fail;
	uint64_t lie_wait, misdirect_wait;
};

struct sim_file {
	struct io_file file; /* first */
	struct life *life;
	struct sim_file *next, *previous;
	struct inode *inode;
	uint32_t flags;
	char *name;
};

struct list_block {
	struct list_block *next, *previous;
};

static inline struct sim *disk_sim(struct disk *disk)
{
	return disk->node->sim;
}

/* ---- pages.c: contents --------------------------------------------------------------- */

/* The page, NULL when it holds zeros only and none is to be made. */
struct page *page_find(struct inode *inode, uint64_t index, bool make);
/* Pages that writing the range would add. */
uint64_t pages_missing(struct inode *inode, uint64_t offset, uint64_t size);
void pages_reserve(struct inode *inode, uint64_t offset, uint64_t size);
/* data NULL: zeros. The size of the file stays. */
void pages_write(struct inode *inode, uint64_t offset, const uint8_t *data, size_t size);
/* GW_E_IO in a damaged sector, else 0. The range is within the file. */
int pages_read(struct inode *inode, uint64_t offset, uint8_t *data, size_t size);
void pages_punch(struct inode *inode, uint64_t offset, uint64_t size);
void pages_resize(struct inode *inode, uint64_t size);
void pages_sync(struct inode *inode);
/* A sync that failed: dirty becomes lost. */
void pages_lose(struct inode *inode);
void pages_power_lost(struct inode *inode);
void pages_free(struct inode *inode);
/* The bytes of the range are on the disk as they are in the cache. */
void pages_settle(struct inode *inode, uint64_t offset, uint64_t size);
uint64_t pages_unsynced_bytes(const struct inode *inode);

/* ---- names.c: directories and the journal -------------------------------------------- */

struct inode *inode_new(struct disk *disk, enum inode_type type);
void inode_ref(struct inode *inode);
void inode_unref(struct inode *inode);
/* Changes in links or opens, and what that means for the space in use. */
void inode_link(struct inode *inode, int links, int opens);

/* Where the last name of a path is, or would be. */
struct place {
	struct inode *directory;
	const char *name;
	size_t name_size;
	struct inode *inode; /* NULL: no such name */
};

/* 0 or an errno. An empty name (the root itself) has directory NULL and inode the root. */
int names_find(struct disk *disk, const char *path, struct place *place);
/* Makes the changes, of one or two names, and puts them into the journal. */
void names_change(struct disk *disk, const struct change *changes, uint32_t count);
void names_sync(struct disk *disk, struct inode *directory);
void names_power_lost(struct disk *disk);
void names_free_all(struct disk *disk);
bool names_is_inside(struct inode *directory, struct inode *tree);

/* ---- disk.c -------------------------------------------------------------------------- */

/* For UNIX sockets: the inode of the name; 0 or an errno. */
int disk_socket_make(struct sim_node *node, const char *path, struct inode **inode);
int disk_socket_find(struct sim_node *node, const char *path, struct inode **inode);
void disk_socket_remove(struct sim_node *node, const char *path, struct inode *inode);
void disk_start(struct disk *disk); /* an empty one */

/* ---- disk_path.c --------------------------------------------------------------------- */

/* Carries the request on a path out: 0 or an errno, the result in *result when it is positive. */
int disk_path(struct life *life, struct io_request *request);
void disk_file_free(struct sim_file *file);

/* ---- disk_fault.c -------------------------------------------------------------------- */

/* The errno that a rule or chance gives this operation, or 0. */
int disk_fault(struct disk *disk, enum io_operation operation);
bool disk_sync_lies(struct disk *disk);
bool disk_is_misdirected(struct disk *disk);
/* Writes the bytes somewhere else on the disk. */
void disk_write_astray(struct disk *disk, const uint8_t *data, size_t size);
void disk_rot_range(struct inode *inode, uint64_t offset, uint64_t size);

#endif
