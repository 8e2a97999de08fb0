#!/bin/sh
# The least that each of lookstream's users must be allowed on Kafka, granted by Kafka's own tool.
# Set what differs from these, and run it:
set -eu

: "${KAFKA_ACLS:=kafka-acls.sh --bootstrap-server localhost:9092}" # and --command-config FILE
: "${PREFIX=}"                     # as LOOKSTREAM_TOPIC_PREFIX
: "${GROUPS_PREFIX=lookstream-}"   # as LOOKSTREAM_GROUP_PREFIX
: "${EMBEDDER:=User:embedder}" "${RECOMMENDER:=User:recommender}" "${LEARNER:=User:learner}"
: "${OPERATOR:=User:operator}" "${PRODUCER:=User:producer}" "${READER:=User:reader}"

# The users themselves, and their passwords or certificates, are made elsewhere. Who may Read or
# Write a topic may also Describe it, and whoever may Write one may be an idempotent producer.

# allow WHO OPERATION topic|group NAME
allow() {
    # shellcheck disable=SC2086 # a command and its options
    $KAFKA_ACLS --add --allow-principal "$1" --operation "$2" "--$3" "$4"
}

# The embedder takes pictures, as a group that shares its work, and publishes vectors. What it
# can't take goes to the dead letters.
allow "$EMBEDDER" Read topic "${PREFIX}images"
allow "$EMBEDDER" Read group "${PREFIX}${GROUPS_PREFIX}embedder"
allow "$EMBEDDER" Write topic "${PREFIX}item-embeddings"
allow "$EMBEDDER" Write topic "${PREFIX}dead-letters"

# The recommender takes clicks, as a group, reads all vectors and what is
# learned, and publishes lists and what clicks teach.
allow "$RECOMMENDER" Read topic "${PREFIX}clicks"
allow "$RECOMMENDER" Read group "${PREFIX}${GROUPS_PREFIX}recommender"
allow "$RECOMMENDER" Read topic "${PREFIX}item-embeddings"
allow "$RECOMMENDER" Read topic "${PREFIX}item-signals"
allow "$RECOMMENDER" Read topic "${PREFIX}ranker"
allow "$RECOMMENDER" Write topic "${PREFIX}recommendations"
allow "$RECOMMENDER" Write topic "${PREFIX}interactions"
allow "$RECOMMENDER" Write topic "${PREFIX}dead-letters"

# The learner takes interactions, as a group of which one works, reads the vectors, and publishes
# what it has learned.
allow "$LEARNER" Read topic "${PREFIX}interactions"
allow "$LEARNER" Read group "${PREFIX}${GROUPS_PREFIX}learner"
allow "$LEARNER" Read topic "${PREFIX}item-embeddings"
allow "$LEARNER" Write topic "${PREFIX}item-signals"
allow "$LEARNER" Write topic "${PREFIX}ranker"
allow "$LEARNER" Write topic "${PREFIX}dead-letters"

# Your program that publishes pictures and clicks.
allow "$PRODUCER" Write topic "${PREFIX}images"
allow "$PRODUCER" Write topic "${PREFIX}clicks"

# Your program that reads lists, and whoever asks `lookstream list`, without a group. With a group
# it also needs Read on that.
allow "$READER" Read topic "${PREFIX}recommendations"

# Whoever runs `lookstream topics`, `doctor`, `rebuild` and `dead-letters`: makes and mends the
# topics, sees how far the groups are, reads clicks and vectors to rebuild profiles, and puts dead
# letters back to where they came from.
for topic in images clicks recommendations item-embeddings interactions item-signals ranker \
    dead-letters; do
    allow "$OPERATOR" Create topic "$PREFIX$topic"
    allow "$OPERATOR" DescribeConfigs topic "$PREFIX$topic"
    allow "$OPERATOR" AlterConfigs topic "$PREFIX$topic"
    allow "$OPERATOR" Read topic "$PREFIX$topic"
done
allow "$OPERATOR" Describe group "${PREFIX}${GROUPS_PREFIX}embedder"
allow "$OPERATOR" Describe group "${PREFIX}${GROUPS_PREFIX}recommender"
allow "$OPERATOR" Describe group "${PREFIX}${GROUPS_PREFIX}learner"
allow "$OPERATOR" Write topic "${PREFIX}images"
allow "$OPERATOR" Write topic "${PREFIX}clicks"
