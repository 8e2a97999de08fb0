"""What docs/topics.md says beyond what the declarations hold: rules for producers and consumers."""

from __future__ import annotations

from streams.core.rules import TasteRules
from streams.fields import EventLimits
from streams.reference.schemas import POLICY, PROPENSITY

_LIMITS = EventLimits()
_RULES = TasteRules()

INTRO = f"""\
Two topics to write, two to read. Names are without `LOOKSTREAM_TOPIC_PREFIX`; limits are the
defaults of their settings ([configuration.md](configuration.md)). The same for machines is in
[asyncapi.json](asyncapi.json).

**Ids** of users and items are any text you like, compared byte for byte: not empty, UTF-8, at most
{_LIMITS.max_id_bytes} bytes, no control characters or line separators. A whole number in JSON is
taken as its decimal digits. A user may not be called `*`.

**Keys matter.** Kafka keeps the order of events in one partition, and the key decides the
partition. Give every picture its item's id and every click its user's id as key: then an item's
events and a user's clicks are applied in the order in which you sent them. Key and JSON must agree;
either is enough. An event without a key is taken, but its order among others is left to chance.

**JSON** is UTF-8. Fields that are not known are ignored, `null` is the same as left out (except
where it clears a fact), of a repeated field the last counts. What can't be understood is not
guessed: the whole event goes to [dead-letters](#dead-letters), with the reason.

**CloudEvents 1.0** are taken in both modes: binary (`ce_` headers beside the value, recognised by
`ce_specversion`) and structured (`content-type: application/cloudevents+json`, or any JSON that has
a `specversion` and no `item_id`), with `data` or `data_base64`. Only the version has to be right;
a missing `source` costs you no click.

**Delivery** is at least once on the way in and on the way out. A click that comes twice is applied
once, if it is the same Kafka record; a producer that sends the same click in two records has
clicked twice, so set `enable.idempotence`.
"""

IMAGES = f"""\
The value is one of
- **the bytes of a picture**: JPEG, PNG, WebP, GIF, BMP or TIFF. What it is follows from the bytes,
  whatever `content-type` says. Facts may stand beside it in the headers `view`, `labels` (with
  commas between them, or a JSON list), `group`, `title` and `available` (`true` or `false`), in
  UTF-8; of a repeated header the last counts;
- **JSON**: a value that begins with `{{` or `[`, or whose `content-type` says so. With a `picture`
  it is the same as above, without one it changes the item's facts only. Headers are not read for
  facts then;
- **null**: the item is withdrawn, with its pictures and its facts. No list published a second later
  contains it. A later picture brings it back. (A value of no bytes is not null, and is refused.)

An item may have several pictures, by `view` (`main` when nothing is said): a later picture of
the same view replaces it. A fact that an event doesn't name stays as it is; `null`, or an empty
text, clears it. White space in texts is reduced to single spaces.

| field | type | limit |
|---|---|---|
| `item_id` | text or whole number | may be left out when the key names the item |
| `picture` | `{{"base64": …}}` or `{{"uri": …}}` | {_LIMITS.picture_max_bytes:,} bytes decoded; \
{_LIMITS.max_uri_bytes:,} bytes of URI |
| `view` | text | {_LIMITS.max_view_bytes} bytes |
| `labels` | list of text, or text with commas | {_LIMITS.max_labels} of \
{_LIMITS.max_label_bytes} bytes |
| `group` | text | {_LIMITS.max_group_bytes} bytes |
| `title` | text | {_LIMITS.max_title_bytes:,} bytes |
| `available` | `true` or `false` | `false`: known, and not recommended |

Base64 is the standard one: padded, no line breaks, no `data:` before it. A `uri` is fetched only
where the operator allows its host (`LOOKSTREAM_URI_HOSTS`; none by default), once, when the event
is read. JSON beside a picture may have {_LIMITS.max_json_bytes:,} bytes, and when it is larger than
65,536 bytes with its picture, no more than 10,000 values.

In a CloudEvent `subject` names the item where neither key nor JSON does, and the facts beside a
picture may be extension attributes (`ce_labels`, or `labels` in the envelope) as well as headers.
"""

CLICKS = f"""\
The value is JSON.

| field | type | default |
|---|---|---|
| `item_id` | text or whole number | needed; the item may be one that is not known yet |
| `user_id` | text or whole number | the key |
| `kind` | one of the kinds below | `click` |
| `at` | RFC 3339 with an offset, or epoch milliseconds (a number, or its digits) | the record's \
timestamp |
| `dwell_s` | seconds, 0 or more | needed for the kind `dwell`; more than \
{_LIMITS.max_dwell_s:,.0f} count as that |
| `id` | text or whole number | none; for your own eyes, not used to find duplicates |
| `list_id` | text or whole number | none; the list she chose from |

Kinds: `view`, `click`, `like`, `save`, `purchase` and `dwell` say that she likes the item, each
with a weight in the settings; `dislike` and `hide` say that she doesn't, and keep it out of her
lists (the last {_RULES.hidden} such items, `LOOKSTREAM_HIDDEN_ITEMS`).

Clicks count by the time they name, not by when they come: an old click counts little. One dated
more than {_LIMITS.max_ahead_s:.0f} s after its record's timestamp is refused, as is one before 1971
(epoch seconds sent as milliseconds) or after 2099. The comparison is with the record's
timestamp and not with a clock, so that a record that is read again ends as it did before. The
broker bounds that timestamp: `message.timestamp.after.max.ms`, an hour by default since Kafka 4.

In a CloudEvent `time` and `id` stand in for `at` and `id`.
"""

RECOMMENDATIONS = f"""\
Each applied click publishes its user's whole list again. It holds what is needed to show it: no
other lookup. Key, `user_id` and `ce_subject` are the same. The topic is compacted: whoever reads it
from the beginning knows the newest list of every user.

**Deduplicate by `list_id`.** It follows from the click (`TOPIC-PARTITION-OFFSET`): when a worker is
replaced in the middle of its work a click may come again, and its list is published again, under
the same `list_id` and perhaps with another `made_at`. Lists of one user come in the order of her
clicks, so it is enough to remember the last one for each user: a list whose `trigger` has the same
topic and partition, and an offset not above the one you have, is a repetition.

**Under the key `*`** lies the list for somebody unknown: show it to users who have none. It has no
trigger; its `list_id` follows from what is on it, and it is published when that changes.

No list contains one of the last {_RULES.seen} items that she did anything with but dislike or hide
(`LOOKSTREAM_SEEN_ITEMS`), nor one of the last {_RULES.hidden} that she disliked or hid
(`LOOKSTREAM_HIDDEN_ITEMS`), nor one that was withdrawn or unavailable when it was made. What lies
further back may be listed again.

| field | what it says |
|---|---|
| `score` | Comparable within one list only. |
| `propensity` | {PROPENSITY} |
| `policy` | {POLICY} |
| `model` | The vector space of the similarities. |
"""

DEAD_LETTERS = """\
Key, value and headers are those of the refused record, byte for byte: sent to the topic named in
`topic`, they are the same event again. Behind the original headers come seven of lookstream, in
this order, as text:

| header | what |
|---|---|
| `reason` | one of the codes below; they are stable |
| `detail` | one sentence for people; never part of the payload |
| `topic`, `partition`, `offset` | where the refused record lies |
| `timestamp` | its timestamp, in milliseconds since the epoch |
| `agent` | who refused it: `embedder`, `recommender`, `learner` |

Headers of the same names that were there before stay; the last of a name is lookstream's. The dead
letter's own timestamp is the time of refusal.
"""

PRODUCER = """\
from kafka import KafkaProducer

producer = KafkaProducer(bootstrap_servers="localhost:9092", max_request_size=16_000_000)
with open("sku-1.jpg", "rb") as picture:
    producer.send("images", key=b"sku-1", value=picture.read(), headers=[("labels", b"shoes,red")])
producer.send("images", key=b"sku-1", value=b'{"available": false}')
producer.send("images", key=b"sku-1", value=None)  # withdrawn
producer.send("clicks", key=b"u-42", value=b'{"item_id": "sku-1", "kind": "like"}')
producer.flush()
"""
