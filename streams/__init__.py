"""lookstream: pictures and clicks arrive on Kafka, recommendation lists leave on Kafka."""
