/*
 * check_lead.h
 *		Checker of leadership: one leader per ballot, promises that only grow, also over restarts (I3), and
 *		leases that are disjoint in global time (I7, I8).
 */
#ifndef QUORATE_CHECK_LEAD_H
#define QUORATE_CHECK_LEAD_H

#include <stddef.h>

#include "sim/check_report.h"

typedef struct CheckLead CheckLead;

extern CheckLead *check_lead_create(uint32_t node_count, uint32_t group_count, CheckReport *report);
extern void check_lead_free(CheckLead *lead);

/* The node begins to lead the group under the ballot. */
extern void check_lead_took(CheckLead *lead, uint32_t node, uint32_t group, CheckBallot ballot);

/* The node's promised ballot after a turn. */
extern void check_lead_promised(CheckLead *lead, uint32_t node, uint32_t group, CheckBallot ballot);

/* A message leaves the node that tells somebody of its promise. */
extern void
check_lead_promise_sent(CheckLead *lead, uint32_t node, uint32_t group, CheckBallot ballot);

/* The nodes that promised the ballot, or took entries under it, and said so. */
extern uint32_t check_lead_promisers(const CheckLead *lead, uint32_t group, CheckBallot ballot);

/* The node has no replica of the group any more; a later one there promised nothing yet. */
extern void check_lead_drop(CheckLead *lead, uint32_t node, uint32_t group);

/* The node's process ended: what it promised and told nobody may be lost. */
extern void check_lead_restart(CheckLead *lead, uint32_t node);

/* Which nodes would serve a consistent read of the group now: one bit a node. */
extern void
check_lead_serving(CheckLead *lead, uint32_t group, uint32_t node_bits, int64_t global_us);

/* How many times leadership of the group was taken. */
extern uint32_t check_lead_count(const CheckLead *lead, uint32_t group);

#endif /* QUORATE_CHECK_LEAD_H */
