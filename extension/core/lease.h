/*
 * lease.h
 *		Grants between two nodes (I8): the one given, the one held, and the arithmetic of their clocks.
 *
 * Node F grants node L a numbered grant.  L counts it from when it *sent* its request, F holds itself bound
 * from when the request *arrived*, and longer by the drift that two clocks may have: so L's end comes before
 * F's in real time, whatever the network did.  A grant that lapsed at F is never lengthened again: the next
 * one has a new number, and until a group's leader has that number acknowledged for its ballot (the
 * acceptor remembers it as acked_number) the new grant binds nobody there.
 */
#ifndef QUORATE_LEASE_H
#define QUORATE_LEASE_H

#include "core/core_types.h"

/* Longest grant that a peer's heartbeat may claim; anything above is damage. */
#define LEASE_GRANT_US_MAX ((TimeUs) 3600 * 1000000)

/* What this node gave to a peer. */
typedef struct GrantGiven
{
	uint64_t number;        /* 0: none so far, or void because the peer's process was replaced */
	TimeUs bound_until_us;  /* own clock: bound as long as now is before this */
	TimeUs request_sent_us; /* peer's clock: the request that it counts from */
	bool lapse_noticed;     /* the groups that relied on it were told that it lapsed */
} GrantGiven;

/* What this node holds from a peer. */
typedef struct GrantHeld
{
	uint64_t number;
	TimeUs until_us; /* own clock */
	bool lapse_noticed;
} GrantHeld;

/* `us` stretched by the drift, rounded up. */
extern TimeUs lease_stretch(TimeUs us, uint32_t clock_drift_ppm);

extern bool grant_given_is_valid(const GrantGiven *given, TimeUs now);

/* The number in force, 0 for none. */
extern uint64_t grant_given_number(const GrantGiven *given, TimeUs now);

/*
 * Answers a request: lengthens the grant in force or, if it lapsed, gives a new one numbered `next_number`.
 * Returns true if it took the new number.
 */
extern bool grant_given_renew(GrantGiven *given, uint64_t next_number, TimeUs request_sent_us,
							  TimeUs bound_until_us, TimeUs now);

/* The peer's process was replaced: nobody can rely on what it was given. */
extern void grant_given_void(GrantGiven *given);

/*
 * The clock cannot be trusted since `trusted_us`: a grant valid then is waited out anew, until
 * `bound_until_us`.  Returns true if there was one.
 */
extern bool grant_given_restart(GrantGiven *given, TimeUs trusted_us, TimeUs bound_until_us);

/* The number held, 0 for none. */
extern uint64_t grant_held_number(const GrantHeld *held, TimeUs now);

/* Takes what a heartbeat brought.  Returns true if the number in force changed. */
extern bool grant_held_take(GrantHeld *held, uint64_t number, TimeUs until_us, TimeUs now);

/* The own clock cannot be trusted: nothing is held. */
extern void grant_held_void(GrantHeld *held);

#endif /* QUORATE_LEASE_H */
