"""Runs the same calls against the embedded SQS and a second one, and prints where the answers differ.

    python3 -m venv venv && venv/bin/pip install ministack boto3
    GATEWAY_PORT=4577 venv/bin/ministack &          # or any other endpoint, or AWS itself
    venv/bin/python infra/local/judge_sqs.py http://127.0.0.1:4566 http://127.0.0.1:4577

Ids, handles, times and ports are replaced by placeholders before the comparison. Exit code 1 on a difference
that is not among the known ones.
"""

import re
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

QUEUE, DEAD = "judged", "judged-dlq"

# Where ministack 1.5 is the one that differs from the documentation of AWS.
KNOWN = {
    "create with a bad name": "it takes any name",
    "attributes": "it has no SqsManagedSseEnabled",
    "attribute unknown": "it ignores names that it does not know",
    "delete twice": "a receipt handle of a deleted message is no error",
    "batch": "it adds an empty list of failures",
    "hide for too long": "it takes more than 12 hours",
    "send too late": "it takes more than 15 minutes",
    "sources": "it has no ListDeadLetterSourceQueues",
}


def client(endpoint):
    return boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}),
    )


def calls(sqs):
    """The name and the answer of each call, in order."""

    def call(name, operation, **arguments):
        try:
            answer = getattr(sqs, operation)(**arguments)
        except ClientError as error:
            answer = {"Error": error.response["Error"]["Code"], "Status": status(error.response)}
        answer.pop("ResponseMetadata", None)
        answers.append((name, answer))
        return answer

    def status(response):
        return response["ResponseMetadata"]["HTTPStatusCode"]

    def receive(name, queue, **arguments):
        return call(
            name, "receive_message", QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=0,
            MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"], **arguments,
        ).get("Messages", [])

    answers = []
    for name in (QUEUE, DEAD):
        try:
            sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])
        except ClientError:
            pass

    dead = call("create the dead-letter queue", "create_queue", QueueName=DEAD)["QueueUrl"]
    policy = '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:%s","maxReceiveCount":"2"}' % DEAD
    attributes = {"VisibilityTimeout": "1", "RedrivePolicy": policy}
    queue = call("create", "create_queue", QueueName=QUEUE, Attributes=attributes)["QueueUrl"]
    call("create again", "create_queue", QueueName=QUEUE, Attributes=attributes)
    call("create with another timeout", "create_queue", QueueName=QUEUE, Attributes={"VisibilityTimeout": "9"})
    call("create with a bad timeout", "create_queue", QueueName="other", Attributes={"VisibilityTimeout": "-1"})
    call("create with a bad name", "create_queue", QueueName="not a name")
    call("url of nothing", "get_queue_url", QueueName="nothing")
    call("list", "list_queues", QueueNamePrefix="judged")
    call("attributes", "get_queue_attributes", QueueUrl=queue, AttributeNames=["All"])
    call("attribute unknown", "get_queue_attributes", QueueUrl=queue, AttributeNames=["Nope"])

    attribute = {"n": {"DataType": "Number", "StringValue": "1"}, "b": {"DataType": "Binary", "BinaryValue": b"\0\1"}}
    call("send", "send_message", QueueUrl=queue, MessageBody="grüße", MessageAttributes=attribute)
    call("send to nothing", "send_message", QueueUrl=queue + "x", MessageBody="x")
    call("send nothing", "send_message", QueueUrl=queue, MessageBody="")
    call("send a control character", "send_message", QueueUrl=queue, MessageBody="\x01")
    call("send too much", "send_message", QueueUrl=queue, MessageBody="x" * 1_048_577)
    message = receive("receive", queue)[0]
    receive("receive nothing", queue)
    call("counts in flight", "get_queue_attributes", QueueUrl=queue,
         AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"])
    call("hide", "change_message_visibility", QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    receive("receive again", queue)
    call("hide by nonsense", "change_message_visibility", QueueUrl=queue, ReceiptHandle="nonsense", VisibilityTimeout=1)
    time.sleep(1.2)
    receive("receive once too often", queue)
    for letter in receive("receive the dead letter", dead):
        call("delete", "delete_message", QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"])
        call("delete twice", "delete_message", QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"])
    call("delete by nonsense", "delete_message", QueueUrl=queue, ReceiptHandle="nonsense")
    call("receive too many", "receive_message", QueueUrl=queue, MaxNumberOfMessages=11)

    call("batch of nothing", "send_message_batch", QueueUrl=queue, Entries=[])
    eleven = [{"Id": str(n), "MessageBody": "x"} for n in range(11)]
    call("batch of eleven", "send_message_batch", QueueUrl=queue, Entries=eleven)
    call("batch with one id twice", "send_message_batch", QueueUrl=queue, Entries=[eleven[0], eleven[0]])
    call("batch with a bad id", "send_message_batch", QueueUrl=queue, Entries=[{"Id": "a b", "MessageBody": "x"}])
    call("batch", "send_message_batch", QueueUrl=queue, Entries=eleven[:3])
    handles = [message["ReceiptHandle"] for message in receive("receive the batch", queue)]
    call("delete the batch", "delete_message_batch", QueueUrl=queue,
         Entries=[{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(handles + ["nonsense"])])
    call("delay", "send_message", QueueUrl=queue, MessageBody="later", DelaySeconds=1)
    receive("receive before the delay", queue)
    time.sleep(1.2)
    for message in receive("receive after the delay", queue):
        call("hide for too long", "change_message_visibility", QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"],
             VisibilityTimeout=43_201)
    call("send too late", "send_message", QueueUrl=queue, MessageBody="x", DelaySeconds=901)
    call("set attributes", "set_queue_attributes", QueueUrl=queue, Attributes={"DelaySeconds": "3"})
    call("attribute", "get_queue_attributes", QueueUrl=queue, AttributeNames=["DelaySeconds"])
    call("sources", "list_dead_letter_source_queues", QueueUrl=dead)
    call("purge", "purge_queue", QueueUrl=queue)
    call("delete the queue", "delete_queue", QueueUrl=queue)
    call("delete it again", "delete_queue", QueueUrl=queue)
    call("delete the dead-letter queue", "delete_queue", QueueUrl=dead)
    return answers


def normal(value, key=""):
    """Replaces what differs between any two runs."""
    if isinstance(value, dict):
        return {name: normal(value[name], name) for name in sorted(value)}
    if isinstance(value, list):
        return sorted((normal(item, key) for item in value), key=str)
    if key in ("MessageId", "ReceiptHandle", "SenderId") or "Timestamp" in key:
        return f"<{key}>"
    if key == "Message":
        return "<sentence>"
    if isinstance(value, str):
        return re.sub(r"https?://[^/]+/\d+/", "<url>/", value)
    return value


def main(ours, theirs):
    answers, judged = calls(client(ours)), dict(calls(client(theirs)))
    differing = 0
    for name, answer in answers:
        one, other = normal(answer), normal(judged.get(name, "not called"))
        if one != other and name in KNOWN:
            print(f"{name}: differs as known, {KNOWN[name]}")
        elif one != other:
            differing += 1
            print(f"{name}\n  {ours}: {one}\n  {theirs}: {other}")
    print(f"{len(answers)} calls, {differing} answers differ unexpectedly")
    return 1 if differing else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
