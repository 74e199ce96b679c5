/*
 * sim_payload.h
 *		What the simulated leaders propose.
 *
 * A payload sets one register of one group and carries the digest of all entries before it, as the leader
 * that proposed it saw them.  A replica whose log holds it above other entries finds that out when it
 * applies it.  The payload begins with a marker, so that the simulated disk's content can be searched for
 * it without understanding the log's format.
 */
#ifndef QUORATE_SIM_PAYLOAD_H
#define QUORATE_SIM_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/core_types.h"

#define SIM_KEYS 6 /* rows of a group; a multiple of a page (sim_machine.h) */
#define SIM_PAYLOAD_HEAD_BYTES 48
#define SIM_PAYLOAD_BYTES_MAX 2048

typedef struct SimPayload
{
	uint64_t operation; /* who wrote it; also the value of the register */
	uint32_t group;
	uint32_t key;
	uint64_t chain_before; /* digest of the log below this entry, memberships left out */
} SimPayload;

/* Writes the payload, `length` bytes in all, at least SIM_PAYLOAD_HEAD_BYTES. */
extern void sim_payload_write(const SimPayload *payload, uint8_t *out, uint32_t length);

/* False if the bytes are no whole payload. */
extern bool sim_payload_read(const void *bytes, uint32_t length, SimPayload *payload);

/*
 * Searches bytes of log files for whole heads of payloads, and for records of membership entries (docs/formats.md);
 * calls back with the operation of each, or with the group and the bytes of the membership.
 */
typedef struct SimPayloadFound
{
	void *context;
	void (*operation)(void *context, uint64_t operation);
	void (*membership)(void *context, GroupId group, const void *bytes, size_t length);
} SimPayloadFound;

extern void sim_payload_search(const uint8_t *bytes, size_t length, const SimPayloadFound *found);

/* The digest of a log that goes on with this entry. */
extern uint64_t sim_chain(uint64_t chain, Ballot ballot, const void *payload, uint32_t length);

#endif /* QUORATE_SIM_PAYLOAD_H */
