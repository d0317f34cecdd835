/* SPDX-License-Identifier: Apache-2.0 */
/* tls.h - what --ca, --cert, --key and --insecure mean together, in all subcommands alike. */
#ifndef CLI_TLS_H
#define CLI_TLS_H

#include <groundwork/rpc.h>

/* *tls stays NULL when no certificate is named: plain text. GW_E_USAGE for halves. Reads files. */
int cli_tls(const struct gw_rpc_tls_options *options, bool insecure, struct gw_rpc_tls **tls,
	    struct gw_error *error) GW_MUST_CHECK;

#endif
