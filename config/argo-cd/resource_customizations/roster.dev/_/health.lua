-- Every kind of Roster reports alike: Ready tells whether the operator has done all that it can, and Stalled says that somebody has to
-- change something first. A person who has not answered an invitation yet keeps nothing waiting: such objects are Ready.
local hs = { status = "Progressing", message = "Roster has not looked at the object as it is now" }
if obj.status == nil or obj.status.conditions == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return hs
end
for _, condition in ipairs(obj.status.conditions) do
  if condition.type == "Stalled" and condition.status == "True" then
    return { status = "Degraded", message = condition.message }
  end
  if condition.type == "Ready" then
    hs.message = condition.message
    if condition.status == "True" then
      hs.status = "Healthy"
    end
  end
end
return hs
