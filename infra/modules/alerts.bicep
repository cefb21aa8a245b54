metadata description = 'The action group through which alerts call Leeward, the alert of the profile, and what calls people when Leeward itself is ill.'

@description('Required. Region of the log alerts.')
param location string

@description('Required. Ending that makes names unique.')
param suffix string

@description('Required. Host name of the app.')
param appHostName string

@description('Required. Client id of the app registration that the webhook gets its token for.')
param apiClientId string

@description('Required. Object id of that registration: of the application.')
param apiObjectId string

@description('Required. Tenant of that registration.')
param tenantId string

@description('Required. Workspace that holds the app\'s logs.')
param workspaceId string

@description('Required. Traffic Manager profile whose endpoints are watched. Empty: none.')
param profileId string

@description('Required. Action group of this subscription that calls people.')
param peopleGroupId string

@description('Required. Tags.')
param tags object

// Service Health alerts are fired only to action groups of the region Global.
resource toLeeward 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-leeward-${suffix}'
  location: 'Global'
  tags: tags
  properties: {
    groupShortName: 'leeward'
    enabled: true
    webhookReceivers: [
      {
        name: 'leeward'
        serviceUri: 'https://${appHostName}/api/alerts'
        useCommonAlertSchema: true
        useAadAuth: true
        objectId: apiObjectId
        identifierUri: 'api://${apiClientId}'
        tenantId: tenantId
      }
    ]
  }
}

resource endpointHealth 'Microsoft.Insights/metricAlerts@2018-03-01' = if (!empty(profileId)) {
  name: 'alert-leeward-endpoint-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    description: 'Traffic Manager\'s own probes find an endpoint ill.'
    enabled: true
    severity: 1
    scopes: [profileId]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'endpoint'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.Network/trafficManagerProfiles'
          metricName: 'ProbeAgentCurrentEndpointStateByProfileResourceId'
          dimensions: [{ name: 'EndpointName', operator: 'Include', values: ['*'] }]
          operator: 'LessThan'
          threshold: 1
          timeAggregation: 'Maximum'
        }
      ]
    }
    actions: [{ actionGroupId: toLeeward.id }]
  }
}

var logAlerts = [
  {
    name: 'stuck-run'
    says: 'A run has made no progress for longer than its plan allows.'
    query: 'AppTraces | where Message has "watchdog: stuck run"'
    severity: 0
  }
  {
    name: 'failing-sweep'
    says: 'The readiness sweep fails: nobody knows whether the plans would work tonight.'
    query: 'union isfuzzy=true (AppTraces | where Message has "sweep_readiness was refused"), (AppRequests | where Name == "sweep_readiness" and Success == false)'
    severity: 1
  }
  {
    name: 'app-fault'
    says: 'Leeward met a fault of its own.'
    query: 'AppExceptions | where AppRoleName startswith "func-leeward"'
    severity: 2
  }
]

resource own 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [
  for alert in logAlerts: {
    name: 'alert-leeward-${alert.name}-${suffix}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      description: alert.says
      enabled: true
      severity: alert.severity
      scopes: [workspaceId]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      autoMitigate: true
      skipQueryValidation: true // a workspace has no tables before the first line
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
          }
        ]
      }
      actions: { actionGroups: [peopleGroupId] }
    }
  }
]

@description('Resource id of the action group that calls Leeward.')
output leewardGroupId string = toLeeward.id
