/*
 * heartbeat.h
 *		Heartbeats and grants between nodes: one for each pair, however many groups they share (I8, I9).
 */
#ifndef QUORATE_HEARTBEAT_H
#define QUORATE_HEARTBEAT_H

#include "core/node.h"

/* Sends heartbeats if they are due, and notices grants that lapsed. */
extern void heartbeat_tick(CoreNode *node);

/* When heartbeat_tick() is due. */
extern TimeUs heartbeat_due(const CoreNode *node);

extern void heartbeat_receive(CoreNode *node, const Message *message);

/* The clock cannot be trusted since `trusted_us`: leases held are void, wait-outs begin anew (I8). */
extern void heartbeat_clock_anomaly(CoreNode *node, TimeUs trusted_us);

#endif /* QUORATE_HEARTBEAT_H */
