// Package migrations is the schema, in order.
package migrations
