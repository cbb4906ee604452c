// The arguments of the methods that are called, as Slack's own library for Node declares them. ts-json-schema-generator
// makes JSON Schemas of them, by which slack_test.py judges each call.
import type * as api from "@slack/web-api";

export type AuthTest = api.AuthTestArguments;
export type AuthRevoke = api.AuthRevokeArguments;
export type ChatStartStream = api.ChatStartStreamArguments;
export type ChatAppendStream = api.ChatAppendStreamArguments;
export type ChatStopStream = api.ChatStopStreamArguments;
export type ChatPostMessage = api.ChatPostMessageArguments;
export type ChatPostEphemeral = api.ChatPostEphemeralArguments;
export type ChatDelete = api.ChatDeleteArguments;
export type ChatUpdate = api.ChatUpdateArguments;
export type AssistantThreadsSetStatus = api.AssistantThreadsSetStatusArguments;
export type AssistantThreadsSetSuggestedPrompts = api.AssistantThreadsSetSuggestedPromptsArguments;
export type ConversationsReplies = api.ConversationsRepliesArguments;
export type OauthV2Access = api.OAuthV2AccessArguments;
