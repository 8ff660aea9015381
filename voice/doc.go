// Package voice keeps the promise of one frame per 20 ms: voice gateway v8, UDP, DAVE, sealing, pacing.
package voice
