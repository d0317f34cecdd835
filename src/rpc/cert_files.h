/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert_files.h - the certificates of a cluster in a directory: ca.crt and ca.key, and for each
 * certificate ROLE.NAME.crt and ROLE.NAME.key. The directory is made with mode 0700, files with
 * 0600. A file appears whole or not at all and is never overwritten. Keys that others may read
 * are not used.
 *
 * These functions wait for the disk: they are for commands and for the start of a server, before
 * it has a loop.
 */
#ifndef RPC_CERT_FILES_H
#define RPC_CERT_FILES_H

#include "rpc/cert.h"

/* "ca", or "ROLE.NAME": the name of a certificate's two files without their ends. */
enum { RPC_CERT_STEM_BYTES_MAX = RPC_ROLE_BYTES_MAX + 1 + RPC_NAME_BYTES_MAX };

/* Makes the authority in the directory, and the directory. GW_E_EXISTS when there is one. */
int rpc_cert_files_ca(const char *directory, const char *name, int64_t now_s, uint32_t days,
		      struct gw_error *error) GW_MUST_CHECK;

/* Issues a certificate by the authority of the directory, into it. GW_E_EXISTS when there is one
 * for this role and name. */
int rpc_cert_files_issue(const char *directory, const struct rpc_cert_request *request,
			 char stem[RPC_CERT_STEM_BYTES_MAX + 1],
			 struct gw_error *error) GW_MUST_CHECK;

/* Reads a certificate, and its key unless that path is NULL. *pem is the caller's. */
int rpc_cert_files_read(const char *certificate, const char *key, struct rpc_pem *pem,
			struct gw_error *error) GW_MUST_CHECK;

#endif
