package remediation

import "wardroom/bot/timeline"

// Kinds are the kinds that this package owns.
var Kinds = []timeline.KindSpec{
	timeline.KindOf[FreezeSet](timeline.Key),
	timeline.KindOf[FreezeLifted](timeline.Key),

	timeline.KindOf[RunPlanned](timeline.Detail),
	timeline.KindOf[RunRequested](timeline.Key),
	timeline.KindOf[RunRefused](timeline.Key),
	timeline.KindOf[RunApproved](timeline.Key),
	timeline.KindOf[RunRejected](timeline.Key),
	timeline.KindOf[RunExpired](timeline.Key),
	timeline.KindOf[RunDrifted](timeline.Key),
	timeline.KindOf[GlassBroken](timeline.Key),
	timeline.KindOf[GlassReview](timeline.Key),

	timeline.KindOf[RunStarted](timeline.Key),
	timeline.KindOf[RunHanded](timeline.Detail),
	timeline.KindOf[RunHeld](timeline.Key),
	timeline.KindOf[StepStarted](timeline.Detail),
	timeline.KindOf[StepAccepted](timeline.Detail),
	timeline.KindOf[StepAbsent](timeline.Key),
	timeline.KindOf[StepDone](timeline.Key),
	timeline.KindOf[StepLate](timeline.Key),
	timeline.KindOf[StepFailed](timeline.Key),
	timeline.KindOf[StepUnsure](timeline.Key),
	timeline.KindOf[RunResumed](timeline.Key),
	timeline.KindOf[RunAborting](timeline.Key),
	timeline.KindOf[RunAborted](timeline.Key),
	timeline.KindOf[RunTakenOver](timeline.Key),
	timeline.KindOf[RunFailed](timeline.Key),
	timeline.KindOf[RunDone](timeline.Key),
}
