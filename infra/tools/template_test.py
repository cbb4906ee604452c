#!/usr/bin/env python3
"""What SAM makes of template.yaml stays within the limits of AWS, can be deployed twice in one account, and watches metrics
that exist. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html,
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

import json
import logging
import os
import sys
from collections import Counter
from pathlib import Path

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
logging.disable(logging.WARNING)

from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
# Longer than what stands in their place, so that lengths are not flattered: a stack's name may have 128 characters, but a
# function's 64 with everything.
STACK, ACCOUNT, REGION = "x" * 40, "123456789012", "ap-southeast-2"
# Properties that name something in an account and region, by type.
NAMES = {
    "AWS::ApiGateway::RestApi": "Name",
    "AWS::Budgets::Budget": "Budget.BudgetName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Scheduler::Schedule": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::XRay::SamplingRule": "SamplingRule.RuleName",
}
# What else could be named, and is not: CloudFormation makes a name of its own.
UNNAMED = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CodeDeploy::Application": "ApplicationName",
    "AWS::CodeDeploy::DeploymentGroup": "DeploymentGroupName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::Role": "RoleName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::WAFv2::WebACL": "Name",
}
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html
METRICS = {
    ("AWS/ApiGateway", "5XXError"): {"ApiName", "Stage"},
    ("AWS/ApiGateway", "4XXError"): {"ApiName", "Stage"},
    ("AWS/ApiGateway", "Count"): {"ApiName", "Stage"},
    ("AWS/ApiGateway", "Latency"): {"ApiName", "Stage"},
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits"): {"TableName"},
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits"): {"TableName"},
    ("AWS/DynamoDB", "ReadThrottleEvents"): {"TableName"},
    ("AWS/DynamoDB", "TransactionConflict"): {"TableName"},
    ("AWS/DynamoDB", "WriteThrottleEvents"): {"TableName"},
    ("AWS/Lambda", "ConcurrentExecutions"): {"FunctionName"},
    ("AWS/Lambda", "Duration"): {"FunctionName"},
    ("AWS/Lambda", "Errors"): {"FunctionName"},
    ("AWS/Lambda", "Invocations"): {"FunctionName"},
    ("AWS/Lambda", "IteratorAge"): {"FunctionName"},
    ("AWS/Lambda", "Throttles"): set(),
    ("AWS/SES", "Reputation.BounceRate"): set(),
    ("AWS/SES", "Reputation.ComplaintRate"): set(),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): {"QueueName"},
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {"QueueName"},
}
failures = []


def check(is_right, what):
    if not is_right:
        failures.append(what)


def at(properties, path):
    for name in path.split("."):
        properties = properties.get(name) if isinstance(properties, dict) else None
    return properties


def transformed(document):
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    parameters = {name: parameter.get("Default", "x") for name, parameter in document["Parameters"].items()}
    loader = type("Loader", (), {"load": lambda self: {}})()
    return transform(document, parameters, loader)


def within_limits(document):
    resources = document["Resources"]
    of = lambda kind: {id: resource for id, resource in resources.items() if resource["Type"] == kind}
    count = len(resources)
    check(count <= 500, f"{count} resources; a stack may have 500")
    check(len(json.dumps(document)) <= 1_000_000, "the template is larger than 1 MB")
    for section in ["Parameters", "Outputs"]:
        check(len(document[section]) <= 200, f"more than 200 {section.lower()}")
    [api] = of("AWS::ApiGateway::RestApi").values()
    paths = api["Properties"]["Body"]["paths"]
    parts = [path.strip("/").split("/") for path in paths]
    api_resources = len({tuple(path[:length]) for path in parts for length in range(1, len(path) + 1)}) + 1
    check(api_resources <= 300, f"the API has {api_resources} resources; it may have 300")
    policies = Counter()
    for permission in of("AWS::Lambda::Permission").values():
        # As Lambda writes it into the function's policy.
        arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:abcdefghij/{json.dumps(permission['Properties'].get('SourceArn'))}"
        policies[json.dumps(permission["Properties"]["FunctionName"])] += 330 + len(arn)
    for function, size in policies.items():
        check(size <= 20_000, f"the policy of {function} has {size} bytes; it may have 20,000")
    for id, role in of("AWS::IAM::Role").items():
        size = sum(len(json.dumps(policy["PolicyDocument"])) for policy in role["Properties"].get("Policies", []))
        check(size <= 10_240, f"the policies of {id} have {size} characters; they may have 10,240")
    for id, function in of("AWS::Lambda::Function").items():
        variables = at(function["Properties"], "Environment.Variables") or {}
        size = sum(len(name) + len(json.dumps(value)) for name, value in variables.items())
        check(size <= 4_096, f"the environment of {id} has {size} bytes; it may have 4,096")
        name = json.dumps(function["Properties"]["FunctionName"]).replace("${AWS::StackName}", STACK)
        check(len(name) <= 64 + len('{"Fn::Sub": ""}'), f"{id}: the name is too long for a stack's name of 40 characters")
    print(f"{count} of 500 resources, {api_resources} of 300 resources of the API, policies of at most "
          f"{max(policies.values())} of 20,000 bytes")


def deploys_twice(document):
    for id, resource in document["Resources"].items():
        properties = resource.get("Properties", {})
        if path := NAMES.get(resource["Type"]):
            check("AWS::StackName" in json.dumps(at(properties, path)), f"{id}: {path} is the same in every stack")
        if path := UNNAMED.get(resource["Type"]):
            check(at(properties, path) is None, f"{id}: {path} would be the same in every stack")
    for id, output in document["Outputs"].items():
        check("Export" not in output, f"{id}: an export is the same in every stack")


def watches_what_exists(document):
    watched = []
    for id, resource in document["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            metrics = [metric["MetricStat"]["Metric"] for metric in properties.get("Metrics", []) if "MetricStat" in metric]
            check(len(properties.get("Metrics", [])) <= 11, f"{id}: an expression takes ten metrics")
            watched += [(id, metric) for metric in metrics or [properties]]
    for id, metric in watched:
        known = METRICS.get((metric["Namespace"], metric["MetricName"]))
        dimensions = {dimension["Name"] for dimension in metric.get("Dimensions", [])}
        check(known == dimensions, f"{id}: there is no metric {metric['MetricName']} with {sorted(dimensions)}")
    body = document["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    for widget in json.loads(body)["widgets"]:
        above = []
        for row in widget["properties"]["metrics"]:
            row = [above[place] if name == "." else name for place, name in enumerate(row) if not isinstance(name, dict)]
            known = METRICS.get((row[0], row[1]))
            check(known == set(row[2::2]), f"dashboard: there is no metric {row}")
            above = row
    # A function that crashes is seen.
    errors = {json.dumps(dimension["Value"]) for _, metric in watched if metric["MetricName"] == "Errors"
              for dimension in metric["Dimensions"]}
    for id, resource in document["Resources"].items():
        if resource["Type"] == "AWS::Lambda::Function":
            check(json.dumps({"Ref": id}) in errors, f"{id}: nobody is told of its errors")
            name = resource["Properties"]["FunctionName"]["Fn::Sub"]
            check(f'"{name}"' in body, f"{id} is not on the dashboard")


def main():
    document = transformed(yaml_parse(TEMPLATE.read_text()))
    within_limits(document)
    deploys_twice(document)
    watches_what_exists(document)
    if failures:
        sys.exit("template.yaml:\n  " + "\n  ".join(failures))


if __name__ == "__main__":
    main()
