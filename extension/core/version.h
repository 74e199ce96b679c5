/*
 * version.h
 *		The version of a cluster: which kinds of messages, records, entries and items its nodes may write.
 *
 * Pure; used by every process.  A release reads a range of versions and writes what the cluster's version allows
 * (docs/decisions/0011-versions.md).  What is new is read from the first release on that knows it, and written only
 * after quorate.finalize_upgrade() has raised the cluster's version: a node whose release is the one before can then
 * still read everything, and a node that was upgraded can be set back.
 *
 * To add a kind or a field: add a version here (one a release), say below which kinds belong to it, and write them
 * only where engine_cluster_version() or shared_cluster_version() has reached it.
 */
#ifndef QUORATE_CORE_VERSION_H
#define QUORATE_CORE_VERSION_H

#include "core/message.h"

typedef uint32_t ClusterVersion;

#define VERSION_FIRST 1
#define VERSION_LOG_REPAIR 2       /* a damaged log is repaired from other replicas' logs */
#define VERSION_EVALUATED_WRITES 2 /* requests of version 2: writes that the leader evaluates */

/*
 * The range that this code reads: its newest version and the one before.  The flags make it another release, for the
 * tests of upgrades: kinds above the range are unknown to it.
 */
#ifdef QUORATE_VERSION_NEWEST
#define VERSION_NEWEST QUORATE_VERSION_NEWEST
#else
#define VERSION_NEWEST VERSION_LOG_REPAIR
#endif
#define VERSION_OLDEST (VERSION_NEWEST > VERSION_FIRST ? VERSION_NEWEST - 1 : VERSION_FIRST)

/* Versions that a node reads; newest is 0 if that is not known. */
typedef struct VersionRange
{
	ClusterVersion oldest;
	ClusterVersion newest;
} VersionRange;

/* What this code reads. */
extern VersionRange version_range_own(void);

/* Does a node that reads this range read what a cluster of this version writes? */
extern bool version_is_read(VersionRange range, ClusterVersion version);

/* A range is one that some release may have; anything may come over the wire. */
extern bool version_range_is_valid(VersionRange range);

/* The first version in which a message of this kind may be sent. */
extern ClusterVersion version_of_message(MessageKind kind);

#endif /* QUORATE_CORE_VERSION_H */
