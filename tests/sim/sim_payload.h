/*
 * sim_payload.h
 *		What the simulated leaders propose, and the state machine that applies it.
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

#define SIM_KEYS 6
#define SIM_PAYLOAD_HEAD_BYTES 48
#define SIM_PAYLOAD_BYTES_MAX 2048

typedef struct SimPayload
{
	uint64_t operation; /* who wrote it; also the value of the register */
	uint32_t group;
	uint32_t key;
	uint64_t chain_before; /* digest of the log below this entry */
} SimPayload;

/* Writes the payload, `length` bytes in all, at least SIM_PAYLOAD_HEAD_BYTES. */
extern void sim_payload_write(const SimPayload *payload, uint8_t *out, uint32_t length);

/* False if the bytes are no whole payload. */
extern bool sim_payload_read(const void *bytes, uint32_t length, SimPayload *payload);

/*
 * Searches bytes for whole heads of payloads, calling back with the operation of each.
 */
typedef void (*SimPayloadFound)(void *context, uint64_t operation);
extern void
sim_payload_search(const uint8_t *bytes, size_t length, SimPayloadFound found, void *context);

/* The digest of a log that goes on with this entry. */
extern uint64_t sim_chain(uint64_t chain, Ballot ballot, const void *payload, uint32_t length);

/* Rows of one group at one node. */
typedef struct SimMachine
{
	Lsn lsn;        /* applied up to here */
	uint64_t chain; /* digest of the entries applied */
	uint64_t values[SIM_KEYS];
} SimMachine;

/* Applies entry machine->lsn + 1.  False if it was not proposed for this state of the log. */
extern bool sim_machine_apply(SimMachine *machine, uint32_t group, const Entry *entry);

#endif /* QUORATE_SIM_PAYLOAD_H */
