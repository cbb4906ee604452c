//! Questions to databases: data sources, their schema, and queries.

mod connections;
mod data_sources;
mod queries;
mod schema;

use connections::{connect_data_source, refresh_data_source, replace_connection};
use data_sources::{
    create_data_source, delete_data_source, get_data_source, list_data_sources, test_data_source, update_data_source,
};
use http_api::Api;
use queries::{
    create_query, delete_query, download_query, get_query, list_queries, query_chat_session, rerun_query,
    validate_query,
};
use schema::{describe_table, get_schema, get_table, list_relationships, list_tables};

/// The operations of this function.
pub fn api() -> Api {
    with_queries(with_schema(with_data_sources(Api::new("Query").at("/api/v1"))))
}

fn with_data_sources(api: Api) -> Api {
    api.post(
        "/data_sources",
        create_data_source,
        "Create a data source. Of up to 20 tables as comma-separated values, or of one SQLite database. Each table \
         begins with a row of names; the types of its columns follow from their values. It can be queried when its \
         status is `ready`. `Prefer: wait=N` waits up to N seconds for that.",
    )
    .get(
        "/data_sources",
        list_data_sources,
        "List data sources. Newest first; the last one is `sample`, a generated database that every organization has.",
    )
    .get(
        "/data_sources/{data_source_id}",
        get_data_source,
        "Get a data source. With its status, and the reason if it could not be read.",
    )
    .patch(
        "/data_sources/{data_source_id}",
        update_data_source,
        "Update a data source. Omitted fields stay unchanged. An organization has one default, which queries mean that \
         name none: at first the sample store.",
    )
    .delete(
        "/data_sources/{data_source_id}",
        delete_data_source,
        "Delete a data source. Its files are deleted too, in the background. Queries in histories stay, and can no \
         longer be executed.",
    )
    .post(
        "/data_sources/{data_source_id}/test",
        test_data_source,
        "Test a data source. Executes a query that reads nothing, and returns how long it took. A server is connected to \
         anew; if that fails, the response says why.",
    )
    .post(
        "/data_sources/connect",
        connect_data_source,
        "Connect a database. On a PostgreSQL server that the internet can reach, with a user that may only read. It can be \
         queried when its status is `ready`. `Prefer: wait=N` waits up to N seconds for that.",
    )
    .put(
        "/data_sources/{data_source_id}/connection",
        replace_connection,
        "Replace the connection of a data source. As a whole, with the password, which is never returned. Its tables are \
         read anew.",
    )
    .post(
        "/data_sources/{data_source_id}/refresh",
        refresh_data_source,
        "Refresh a data source. Reads the tables of its server again, in the background; it happens every day without this.",
    )
}

fn with_schema(api: Api) -> Api {
    api.get(
        "/schema",
        get_schema,
        "Get the schema of a data source. The first 100 tables with their columns, keys and relationships; `GET \
         /schema/tables` pages through all.",
    )
    .get(
        "/schema/tables",
        list_tables,
        "List the tables of a data source. In the order of their names; `q` finds tables and columns by name, \
         description and synonym.",
    )
    .get("/schema/tables/{table_name}", get_table, "Get a table of a data source. With its columns, their types, and the values of those that have few.")
    .put(
        "/schema/tables/{table_name}",
        describe_table,
        "Describe a table of a data source. Descriptions and synonyms help to answer questions. They replace those that \
         there are.",
    )
    .get(
        "/schema/relationships",
        list_relationships,
        "List the relationships between tables. Declared by the database, or inferred from names and confirmed by all \
         values.",
    )
}

fn with_queries(api: Api) -> Api {
    api.post(
        "/query",
        create_query,
        "Query a data source. A question becomes SQL, which is checked, executed within ten seconds and explained; or \
         send `sql`. Plain questions in English need no model; a model that is named, or else the default one, writes the \
         SQL of all others. A question that could mean several things is answered with a `clarification`. Only one SELECT statement is executed, on a connection that can only read. At most \
         1,000 rows are returned.",
    )
    .post(
        "/chat/sessions/{session_id}/query",
        query_chat_session,
        "Query a data source in a chat session. Question and answer become messages of it. A question may go on from those \
         before it, as in `and by month?`, or be the reply to a question back.",
    )
    .post(
        "/query/validate",
        validate_query,
        "Validate SQL. Checks it against the tables of a data source without executing it.",
    )
    .get(
        "/query/history",
        list_queries,
        "List queries. The caller's own, newest first, without their rows.",
    )
    .get("/query/history/{query_id}", get_query, "Get a query. Without its rows, which a rerun returns.")
    .delete("/query/history/{query_id}", delete_query, "Delete a query. Removes its entry from the history.")
    .post(
        "/query/history/{query_id}/rerun",
        rerun_query,
        "Rerun a query. Executes its SQL again, as a query of its own; no model is called.",
    )
    .get(
        "/query/history/{query_id}/csv",
        download_query,
        "Download the rows of a query. Executes its SQL again, and returns up to 50,000 rows as comma-separated values.",
    )
}
