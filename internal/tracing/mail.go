// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// The attributes of mails.
const (
	// attrMailKind is what roster_mails_total has as kind.
	attrMailKind    = attribute.Key("roster.mail.kind")
	attrMailAttempt = attribute.Key("roster.mail.attempt")
	attrMailOutcome = attribute.Key("roster.mail.outcome")
	// attrMailStage is where in the exchange with the relay a mail failed.
	attrMailStage = attribute.Key("roster.mail.stage")
)

// Mail begins the span of a mail of a kind. Of invitations, the attempt is which link it brings, counted from 1; of others it is 0. The
// span ends with what became of the mail.
func Mail(ctx context.Context, kind string, attempt int64) (context.Context, func(outcome string)) {
	tracer := child(ctx)
	if tracer == nil {
		return ctx, func(string) {}
	}
	ctx, span := tracer.Start(ctx, "mail "+kind, trace.WithAttributes(attrMailKind.String(kind)))
	if attempt > 0 {
		span.SetAttributes(attrMailAttempt.Int64(attempt))
	}
	return ctx, func(outcome string) {
		span.SetAttributes(attrMailOutcome.String(outcome))
		if outcome != "Delivered" {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Relay begins the span of a part of the exchange with the relay. It ends with the stage at which that failed, if it did.
func Relay(ctx context.Context, part string) (context.Context, func(stage string)) {
	tracer := child(ctx)
	if tracer == nil {
		return ctx, func(string) {}
	}
	ctx, span := tracer.Start(ctx, "relay "+part, trace.WithSpanKind(trace.SpanKindClient))
	return ctx, func(stage string) {
		if stage != "" {
			span.SetAttributes(attrMailStage.String(stage))
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}
