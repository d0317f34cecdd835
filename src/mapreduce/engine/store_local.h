/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_local.h - what the two halves of the local store share: files (store_local.c) and trees of
 * them (store_local_tree.c).
 */
#ifndef MR_STORE_LOCAL_H
#define MR_STORE_LOCAL_H

#include "store.h"

struct stat;

/* 0 for a regular file; else a sentence that says what path is. */
int mr_local_check_kind(const char *path, const struct stat *status, struct gw_error *error);

/* As struct mr_store_operations says. */
int mr_local_commit(struct mr_store *store, const char *temporary, const char *path,
		    struct gw_error *error);
/* What commit does on file systems without RENAME_NOREPLACE; 0, or -1 and errno. */
int mr_local_rename_checked(const char *temporary, const char *path);
int mr_local_make_directory(struct mr_store *store, const char *path, struct gw_error *error);
int mr_local_remove(struct mr_store *store, const char *path, struct gw_error *error);
int mr_local_list(struct mr_store *store, const char *path, mr_entry_function *function,
		  void *context, struct gw_error *error);

#endif
