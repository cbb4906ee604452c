//! The query that is executed: tables with rules become subqueries, signs are separated, and the result is limited.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, LimitClause, ObjectName, ObjectNamePart, Offset, Query, Select, SelectItem, SetExpr, TableAlias,
    TableFactor, UnaryOperator, Value, VisitMut as _, VisitorMut,
};

use crate::{
    Policy, Refusal, TableRule,
    check::{Named, named},
    parse_condition, parse_one,
    scope::Scope,
};

/// Rewrites a query that was checked.
pub(crate) fn rewrite(query: &mut Query, policy: &Policy) -> Result<(), Refusal> {
    let mut rewriter = Rewriter {
        policy,
        scope: Scope::default(),
    };
    if let ControlFlow::Break(refusal) = query.visit(&mut rewriter) {
        return Err(refusal);
    }
    limit(query, policy.max_rows)
}

struct Rewriter<'a> {
    policy: &'a Policy,
    scope: Scope,
}

impl VisitorMut for Rewriter<'_> {
    type Break = Refusal;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Refusal> {
        self.scope.enter(query);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Refusal> {
        self.scope.leave();
        ControlFlow::Continue(())
    }

    /// After its parts: a table inside of the subquery that replaces it is not replaced again.
    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Refusal> {
        let TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } = factor
        else {
            return ControlFlow::Continue(());
        };
        let Some(Named::Table(rule)) = named(name, self.policy, &self.scope) else {
            return ControlFlow::Continue(());
        };
        if self.policy.dialect == crate::Dialect::Postgres {
            qualify(name, rule);
        }
        if rule.columns.is_none() && rule.rows.is_none() {
            return ControlFlow::Continue(());
        }
        let own_name = || name.0.last()?.as_ident().cloned().map(alias_of);
        let alias = alias.clone().or_else(own_name);
        match self.restricted(name.to_string(), rule) {
            Ok(subquery) => {
                *factor = TableFactor::Derived {
                    lateral: false,
                    subquery: Box::new(subquery),
                    alias,
                    sample: None,
                };
                ControlFlow::Continue(())
            }
            Err(refusal) => ControlFlow::Break(refusal),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Refusal> {
        separate(expr);
        ControlFlow::Continue(())
    }
}

/// Separates the signs of a condition that is no part of the query yet.
struct Signs;

impl VisitorMut for Signs {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        separate(expr);
        ControlFlow::Continue(())
    }
}

/// `- -x` would be rendered as a comment.
fn separate(expr: &mut Expr) {
    if let Expr::UnaryOp { op, expr: inner } = expr
        && matches!(op, UnaryOperator::Minus | UnaryOperator::Plus)
        && begins_with_sign(inner)
    {
        let nested = std::mem::replace(inner.as_mut(), Expr::value(Value::Null));
        **inner = Expr::Nested(Box::new(nested));
    }
    if let Expr::BinaryOp { right, .. } = expr
        && begins_with_sign(right)
    {
        let nested = std::mem::replace(right.as_mut(), Expr::value(Value::Null));
        **right = Expr::Nested(Box::new(nested));
    }
}

impl Rewriter<'_> {
    /// Returns the subquery that reads what a rule allows of a table.
    fn restricted(&self, table: String, rule: &TableRule) -> Result<Query, Refusal> {
        let mut subquery = parse_one(&format!("SELECT * FROM {table}"), self.policy.dialect)?;
        let SetExpr::Select(select) = subquery.body.as_mut() else {
            return Err(Refusal::Ambiguous);
        };
        let select: &mut Select = select;
        if let Some(columns) = &rule.columns {
            let quote = if self.policy.dialect == crate::Dialect::Mysql {
                '`'
            } else {
                '"'
            };
            // Quotation marks inside of names stay doubled, as the parser leaves them.
            let column = |name: &String| {
                let name = name.replace(quote, &format!("{quote}{quote}"));
                SelectItem::UnnamedExpr(Expr::Identifier(Ident::with_quote(quote, name)))
            };
            select.projection = columns.iter().map(column).collect();
            if select.projection.is_empty() {
                return Err(Refusal::Table(table));
            }
        }
        if let Some(rows) = &rule.rows {
            let mut condition = parse_condition(rows, self.policy.dialect)?;
            let _: ControlFlow<()> = condition.visit(&mut Signs);
            select.selection = Some(condition);
        }
        Ok(subquery)
    }
}

/// Names a table with its schema, in its own spelling: the database reads the one that was checked, whatever else its
/// search path has. The table is still called by its name alone elsewhere.
fn qualify(name: &mut ObjectName, rule: &TableRule) {
    let Some(schema) = &rule.schema else { return };
    let quoted = |name: &str| ObjectNamePart::Identifier(Ident::with_quote('"', name.replace('"', "\"\"")));
    name.0 = vec![quoted(schema), quoted(&rule.name)];
}

fn alias_of(name: Ident) -> TableAlias {
    TableAlias {
        explicit: true,
        name,
        columns: Vec::new(),
        at: None,
    }
}

fn begins_with_sign(expr: &Expr) -> bool {
    match expr {
        Expr::UnaryOp { op, .. } => matches!(op, UnaryOperator::Minus | UnaryOperator::Plus),
        Expr::Value(value) => matches!(&value.value, Value::Number(number, _) if number.starts_with(['-', '+'])),
        Expr::BinaryOp { left, .. } => begins_with_sign(left),
        _ => false,
    }
}

/// Limits the rows of a result.
fn limit(query: &mut Query, max_rows: u64) -> Result<(), Refusal> {
    if query.fetch.is_some() {
        return Err(Refusal::NotAllowed("FETCH; use LIMIT".to_owned()));
    }
    let most = || Expr::value(Value::Number(max_rows.to_string(), false));
    let lower = |limit: &mut Expr| {
        let wanted = match &*limit {
            Expr::Value(value) => match &value.value {
                Value::Number(number, _) => number.parse::<u64>().ok(),
                _ => None,
            },
            _ => None,
        };
        if wanted.is_none_or(|wanted| wanted > max_rows) {
            *limit = most();
        }
    };
    match &mut query.limit_clause {
        None => {
            query.limit_clause = Some(LimitClause::LimitOffset {
                limit: Some(most()),
                offset: None::<Offset>,
                limit_by: Vec::new(),
            });
        }
        Some(LimitClause::LimitOffset { limit, .. }) => match limit {
            Some(limit) => lower(limit),
            None => *limit = Some(most()),
        },
        Some(LimitClause::OffsetCommaLimit { limit, .. }) => lower(limit),
    }
    Ok(())
}
