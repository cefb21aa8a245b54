metadata description = 'What is told of one subscription: Service Health, the health of its machines, and that an event about one was lost.'

@description('Required. Ending that makes names unique.')
param suffix string

@description('Required. Display names of the regions that are listened for.')
param protectedRegionNames string[]

@description('Required. System topic of this subscription\'s health events, whose dead letters are watched.')
param topicId string

@description('Required. Action group that calls Leeward; an activity log alert may call one of another subscription.')
param leewardGroupId string

@description('Required. Action group of this subscription that calls people.')
param peopleGroupId string

@description('Required. Tags.')
param tags object

// Azure takes no other scope than the subscription that the rule itself lies in.
resource serviceHealth 'Microsoft.Insights/activityLogAlerts@2020-10-01' = {
  name: 'alert-leeward-service-health-${suffix}'
  location: 'Global'
  tags: tags
  properties: {
    description: 'Service Health has an incident in a protected region.'
    enabled: true
    scopes: [subscription().id]
    condition: {
      allOf: [
        { field: 'category', equals: 'ServiceHealth' }
        { field: 'properties.incidentType', equals: 'Incident' }
        { field: 'properties.impactedServices[*].ImpactedRegions[*].RegionName', containsAny: protectedRegionNames }
      ]
    }
    actions: { actionGroups: [{ actionGroupId: leewardGroupId }] }
  }
}

resource resourceHealth 'Microsoft.Insights/activityLogAlerts@2020-10-01' = {
  name: 'alert-leeward-resource-health-${suffix}'
  location: 'Global'
  tags: tags
  properties: {
    description: 'Resource Health says that a machine is unavailable, or well again.'
    enabled: true
    scopes: [subscription().id]
    condition: {
      allOf: [
        { field: 'category', equals: 'ResourceHealth' }
        { field: 'resourceType', equals: 'Microsoft.Compute/virtualMachines' }
      ]
    }
    actions: { actionGroups: [{ actionGroupId: leewardGroupId }] }
  }
}

resource deadLetters 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'alert-leeward-dead-letters-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    description: 'An event about a machine could not be delivered to Leeward.'
    enabled: true
    severity: 1
    scopes: [topicId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead-lettered'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.EventGrid/systemTopics'
          metricName: 'DeadLetteredCount'
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Total'
        }
      ]
    }
    actions: [{ actionGroupId: peopleGroupId }]
  }
}
