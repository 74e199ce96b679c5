/*
 * transcript.h
 *		Writes what the cores of a cluster do, one line each, for people to read and for diff to compare.
 */
#ifndef QUORATE_TESTS_TRANSCRIPT_H
#define QUORATE_TESTS_TRANSCRIPT_H

#include "cluster.h"

extern void transcript_effect(Cluster *cluster, NodeId node, const Effect *effect);
extern void transcript_send(Cluster *cluster, const Effect *effect);
extern void transcript_receive(Cluster *cluster, const Message *message);

#endif /* QUORATE_TESTS_TRANSCRIPT_H */
