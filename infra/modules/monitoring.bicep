metadata description = 'Where Leeward\'s own logs and traces go; evidence never depends on them.'

@description('Required. Region of the workspace.')
param location string

@description('Required. Ending that makes names unique.')
param suffix string

@description('Required. Principals that send telemetry.')
param principalIds string[]

@description('Required. Tags.')
param tags object

var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'log-leeward-${suffix}'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 90
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-leeward-${suffix}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in principalIds: {
    name: guid(insights.id, principal, metricsPublisher)
    scope: insights
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
      principalId: principal
      principalType: 'ServicePrincipal'
    }
  }
]

@description('What the Functions host sends telemetry with; holds no secret, for local authentication is off.')
output connectionString string = insights.properties.ConnectionString

@description('Resource id of the workspace.')
output workspaceId string = workspace.id
