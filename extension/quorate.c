/*
 * quorate.c
 *		What happens when the library is loaded: settings, shared memory, hooks and
 *		static background workers are registered here, and nothing else is done here.
 *
 * Runs in the postmaster, from shared_preload_libraries, before any child exists. A
 * backend that loads the library later (LOAD, or the first call of one of its functions
 * without preload) comes through here too: shared memory and workers cannot be had any
 * more then, so whatever needs them has to check and say what to set
 * (shared_state_require).
 *
 * Nothing runs while pg_upgrade has the server started in binary-upgrade mode: workers
 * would be started there as anywhere else, and must not touch a cluster that is being
 * carried from one installation to another.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "catalog/protect.h"
#include "compat.h"
#include "settings.h"
#include "shmem/shared_state.h"
#include "worker/launcher.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	if (IsBinaryUpgrade)
		return;

	settings_define();
	if (process_shared_preload_libraries_in_progress)
	{
		shared_state_install();
		launcher_register_static_workers();
		protect_install();
	}
}
